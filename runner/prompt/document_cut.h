// Cuts a document so that the prompt around it has an exact number of tokens.
//
// Tokens are counted after the whole prompt is tokenised, because tokens can merge across the
// document's borders: text that is cut after n tokens of its own need not be n tokens in the
// prompt. Cuts at every code point near the right place are tried, and what is taken is checked
// with the full encoding.
#ifndef RUNNER_PROMPT_DOCUMENT_CUT_H_
#define RUNNER_PROMPT_DOCUMENT_CUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/tokenizer/tokenizer.h"

namespace forensics::runner {

// The prompt without the document: what stands before and behind it.
struct PromptFrame {
  std::string head;
  std::string tail;
  std::vector<int64_t> head_ids;  // encoded alone
  std::vector<int64_t> tail_ids;

  // Tokens of template and request.
  int64_t tokens() const { return static_cast<int64_t>(head_ids.size() + tail_ids.size()); }
};

absl::StatusOr<PromptFrame> MakeFrame(const Tokenizer& tokenizer, std::string head,
                                      std::string tail);

// The part document.substr(start, size).
struct DocumentCut {
  size_t start = 0;
  size_t size = 0;
  std::vector<int64_t> token_ids;  // of the whole prompt
  // No token crosses the document's borders: token_ids are head_ids, the ids of the cut document
  // encoded alone, tail_ids.
  bool clean = false;
};

// The longest part of `document`, UTF-8, with which the whole prompt has exactly
// frame.tokens() + document_tokens tokens. It starts where the document does; if no such part is
// clean (the token at its end may take the line breaks behind it, ".\n\n"), it starts one of the
// next words later. If none of these is clean either, a cut from the start that has the number is
// taken all the same. OutOfRange if the document is too short or if no cut has that number; both
// give the counts.
absl::StatusOr<DocumentCut> CutDocument(const Tokenizer& tokenizer, const PromptFrame& frame,
                                        absl::string_view document, int64_t document_tokens);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_DOCUMENT_CUT_H_
