// Reader of one .safetensors file: eight bytes that give the header's length (little-endian), a
// JSON header that maps a tensor's name to its dtype, shape and byte range, then the bytes.
//
// Strict: everything that the header claims is checked against the file before any byte is handed
// out. The byte ranges must cover the data exactly, without overlap or hole, as the format
// requires. Source: the format section of the README of huggingface/safetensors.
#ifndef RUNNER_CHECKPOINT_SAFETENSORS_H_
#define RUNNER_CHECKPOINT_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

struct Dtype {
  absl::string_view name;                     // as in the file: "F16", "BF16", "I32", ...
  int bits;                                   // of one element
  std::optional<at::ScalarType> scalar_type;  // none: known to the format, not to this reader
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

// A file's bytes, mapped read-only. Whoever shortens the file while it is mapped kills the process:
// checkpoints are not to be rewritten in place while they are in use.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(absl::string_view bytes) : bytes_(bytes) {}
  absl::string_view bytes_;
};

class SafetensorsFile {
 public:
  // Only a regular file (or a link to one) is opened: a pipe or device has no size to check
  // against.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const StoredTensors& tensors() const { return tensors_; }
  absl::string_view bytes() const { return file_->bytes(); }

  // The tensor in its stored dtype and shape. For reading only: it shares the mapped file's memory,
  // which it keeps alive, unless its bytes are not aligned for the dtype; then it is a copy.
  absl::StatusOr<at::Tensor> Read(absl::string_view name) const;

 private:
  SafetensorsFile(std::string path, std::shared_ptr<const MappedFile> file, StoredTensors tensors)
      : path_(std::move(path)), file_(std::move(file)), tensors_(std::move(tensors)) {}

  std::string path_;
  std::shared_ptr<const MappedFile> file_;
  StoredTensors tensors_;
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_SAFETENSORS_H_
