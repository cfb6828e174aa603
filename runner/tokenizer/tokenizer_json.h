// Reads a Hugging Face tokenizer.json (the file format of the `tokenizers` library, version 1.0).
#ifndef RUNNER_TOKENIZER_TOKENIZER_JSON_H_
#define RUNNER_TOKENIZER_TOKENIZER_JSON_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/tokenizer/added_tokens.h"
#include "runner/tokenizer/bpe.h"

namespace forensics::runner {

// What a byte-level BPE tokenizer needs of the file.
struct TokenizerSpec {
  Vocabulary vocabulary;
  std::vector<Merge> merges;
  bool ignore_merges = false;
  std::vector<AddedToken> added_tokens;
  bool nfc = false;                         // the text is normalised
  std::vector<std::string> split_patterns;  // Oniguruma's syntax; applied one after the other
};

// Whatever the file asks for and TokenizerSpec cannot say is an error that names the field.
// Not read: `truncation`, `padding` and `post_processor`, which change no id of plain text without
// added special tokens.
absl::StatusOr<TokenizerSpec> ParseTokenizerJson(absl::string_view json);

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_TOKENIZER_JSON_H_
