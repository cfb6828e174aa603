// The prompt of an experiment: a document, cut to an exact number of tokens, and a request in one
// user message, in the checkpoint's chat template.
//
// document_tokens is the prompt's token count less that of the template and the request, each part
// encoded alone. The cut is chosen so that no token crosses the document's borders, wherever that
// is possible; these are then exactly the tokens of the document. For that the first words of the
// document may be left out (document_cut.h).
#ifndef RUNNER_PROMPT_PROMPT_H_
#define RUNNER_PROMPT_PROMPT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/prompt/chat_template.h"
#include "runner/prompt/document.h"
#include "runner/tokenizer/tokenizer.h"

namespace forensics::runner {

struct Prompt {
  std::string document_name;
  std::string document_sha256;  // of the file
  int64_t document_tokens = 0;
  std::string text;  // rendered
  std::vector<int64_t> token_ids;
  std::string token_ids_sha256;  // over little-endian int32
};

struct PromptOptions {
  std::string request = "Provide a summary of the text above.";  // two line breaks behind the text
  std::optional<bool> enable_thinking;                           // passed to the template if given
};

// The prompt with exactly `document_tokens` tokens of the document. Errors name the document; one
// that is too short is an error with both counts.
absl::StatusOr<Prompt> BuildPrompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                                   const Document& document, int64_t document_tokens,
                                   const PromptOptions& options = {});

// The prompt with exactly `total_tokens` tokens in all, for a neighbour in a batch.
absl::StatusOr<Prompt> BuildPromptOfLength(const Tokenizer& tokenizer,
                                           const ChatTemplate& chat_template,
                                           const Document& document, int64_t total_tokens,
                                           const PromptOptions& options = {});

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_PROMPT_H_
