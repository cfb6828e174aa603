// The header of a .safetensors file: eight bytes that give its length (little-endian), then a JSON
// object that maps a tensor's name to its dtype, shape and byte range; the bytes follow.
//
// Strict: everything that the header claims is checked against the file before any byte is handed
// out. The byte ranges must cover the data exactly, without overlap or hole, as the format
// requires. Source: the format section of the README of huggingface/safetensors.
#ifndef RUNNER_CHECKPOINT_SAFETENSORS_HEADER_H_
#define RUNNER_CHECKPOINT_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

struct Dtype {
  absl::string_view name;  // as in the file: "F16", "BF16", "I32", ...
  int bits;                // of one element
};

// The entry of `name` in the table of known dtypes, or null.
const Dtype* FindDtype(absl::string_view name);

struct StoredTensor {
  const Dtype* dtype = nullptr;
  std::vector<int64_t> shape;
  int64_t begin = 0;  // byte range in the file, [begin, end)
  int64_t end = 0;
};

using StoredTensors = std::map<std::string, StoredTensor, std::less<>>;

// Checks the header at the start of `file`, the bytes of a whole file. `origin` begins every error.
absl::StatusOr<StoredTensors> ParseSafetensors(absl::string_view file, absl::string_view origin);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_SAFETENSORS_HEADER_H_
