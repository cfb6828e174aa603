// UTF-8 and the Unicode properties that tokenizer.json files speak of.
#ifndef RUNNER_TOKENIZER_UNICODE_H_
#define RUNNER_TOKENIZER_UNICODE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

// One code point, or the longest start of one that is broken off ("maximal subpart").
struct Utf8Unit {
  size_t size = 0;  // bytes, at least 1
  bool valid = false;
};

// The unit that starts at text[position]; position < text.size().
Utf8Unit ScanUtf8(absl::string_view text, size_t position);

// The byte where `text` stops being UTF-8, or nothing if all of it is.
std::optional<size_t> FirstInvalidUtf8(absl::string_view text);

// `bytes` with each broken unit replaced by U+FFFD.
std::string ToValidUtf8(absl::string_view bytes);

// The code point at text[position], which is valid there.
int32_t CodePointAt(absl::string_view text, size_t position);

// Bytes of White_Space that `text` starts or ends with.
size_t LeadingSpace(absl::string_view text);
size_t TrailingSpace(absl::string_view text);

// Whether the first or last code point is one of a word: \w of Unicode's UTS #18, Annex C.
bool StartsWithWord(absl::string_view text);
bool EndsWithWord(absl::string_view text);

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_UNICODE_H_
