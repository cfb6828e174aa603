// A prompt given as token ids.
#ifndef RUNNER_PROMPT_TOKEN_IDS_H_
#define RUNNER_PROMPT_TOKEN_IDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

// A file with one JSON array of ids, each in [0, vocab_size). Errors name the file and the index.
absl::StatusOr<std::vector<int64_t>> ReadTokenIds(const std::string& path, int64_t vocab_size);
// The same from such a file's content.
absl::StatusOr<std::vector<int64_t>> ParseTokenIds(absl::string_view json, int64_t vocab_size);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_TOKEN_IDS_H_
