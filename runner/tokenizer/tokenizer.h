// Byte-level BPE tokenizers of the GPT-2 family (Qwen2, Qwen3, Llama 3) from a tokenizer.json.
//
// The goal is the ids of Hugging Face's `tokenizers`, all of them, or an error. The order of work
// is theirs: added tokens are found, the rest is normalised (NFC), split by the file's regular
// expressions, and each piece is encoded by its bytes. Nothing is ever prepended or appended.
// Known difference: the library's Unicode tables are newer than PCRE2's (Unicode 14 in 10.42), so
// that letters and digits assigned since then split differently.
#ifndef RUNNER_TOKENIZER_TOKENIZER_H_
#define RUNNER_TOKENIZER_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runner/tokenizer/added_tokens.h"
#include "runner/tokenizer/bpe.h"
#include "runner/tokenizer/split_regex.h"
#include "runner/tokenizer/tokenizer_json.h"

namespace forensics::runner {

// Const methods may be called from several threads at once.
class Tokenizer {
 public:
  // `path` is a tokenizer.json; errors name it and the field.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> FromFile(const std::string& path);
  // `json` is the content of such a file.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> FromJson(absl::string_view json);

  // Token ids of `text`; added tokens inside it are recognised. InvalidArgument if it is not
  // UTF-8 or has a byte without a token, ResourceExhausted if splitting it takes too long.
  absl::StatusOr<std::vector<int64_t>> Encode(absl::string_view text) const;

  // The bytes that the tokens stand for, which need not be UTF-8 (a token can end within a
  // character). Ids without a token (a model's padding rows) stand for nothing.
  std::string Decode(absl::Span<const int64_t> ids) const;
  // The same, with U+FFFD for each broken sequence, as Hugging Face decodes.
  std::string DecodeUtf8(absl::Span<const int64_t> ids) const;

  // `token` as the file writes it: in the byte-level alphabet ("\u0120the"), or an added token's
  // content.
  std::optional<int64_t> IdOf(absl::string_view token) const;

  // The highest id plus 1.
  int64_t vocab_size() const { return static_cast<int64_t>(bytes_of_id_.size()); }

 private:
  struct Scratch;

  Tokenizer(Bpe bpe, std::vector<SplitRegex> splits, bool nfc, std::vector<AddedToken> raw,
            std::vector<AddedToken> normalized);

  absl::Status EncodeNormalized(absl::string_view text, Scratch& scratch) const;
  absl::Status EncodeWord(absl::string_view word, Scratch& scratch) const;

  Bpe bpe_;
  std::vector<SplitRegex> splits_;
  bool nfc_;
  AddedTokenFinder raw_tokens_;         // looked for in the text as it came
  AddedTokenFinder normalized_tokens_;  // looked for in normalised text
  Vocabulary id_of_token_;              // with added tokens
  std::vector<std::string> bytes_of_id_;
};

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_TOKENIZER_H_
