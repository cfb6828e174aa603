// Reader of one .safetensors file, mapped into memory.
#ifndef RUNNER_CHECKPOINT_SAFETENSORS_H_
#define RUNNER_CHECKPOINT_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/safetensors_header.h"

namespace forensics::runner {

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
