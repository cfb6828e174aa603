// Tokens to the tree of ast.h.
#ifndef RUNNER_PROMPT_JINJA_PARSER_H_
#define RUNNER_PROMPT_JINJA_PARSER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/ast.h"

namespace forensics::runner::jinja {

// Errors name the line, and a statement that is not supported.
absl::StatusOr<Block> Parse(absl::string_view source);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_PARSER_H_
