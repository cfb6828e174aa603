// Token ids as given and as recorded.
#ifndef RUNNER_PROMPT_TOKEN_IDS_H_
#define RUNNER_PROMPT_TOKEN_IDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace forensics::runner {

// SHA-256, hexadecimal, over the ids as little-endian int32.
std::string TokenIdsSha256(absl::Span<const int64_t> ids);

// A file with one JSON array of ids, each in [0, vocab_size). Errors name the file and the index.
absl::StatusOr<std::vector<int64_t>> ReadTokenIds(const std::string& path, int64_t vocab_size);
// The same from such a file's content.
absl::StatusOr<std::vector<int64_t>> ParseTokenIds(absl::string_view json, int64_t vocab_size);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_TOKEN_IDS_H_
