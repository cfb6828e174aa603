// Template source to tokens, with Jinja's white space control and, as Hugging Face's transformers
// set them, trim_blocks and lstrip_blocks.
#ifndef RUNNER_PROMPT_JINJA_LEXER_H_
#define RUNNER_PROMPT_JINJA_LEXER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner::jinja {

enum class TokenKind {
  kText,  // outside of tags
  kOutputBegin,
  kOutputEnd,  // {{ }}
  kBlockBegin,
  kBlockEnd,  // {% %}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // of a string: its value
  int line = 1;
};

// The last token is kEnd. Errors name the line.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source);

// "line 12: message".
absl::Status ErrorAtLine(int line, absl::string_view message);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_LEXER_H_
