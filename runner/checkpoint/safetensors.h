// Reader of one .safetensors file, mapped into memory.
#ifndef RUNNER_CHECKPOINT_SAFETENSORS_H_
#define RUNNER_CHECKPOINT_SAFETENSORS_H_

#include <ATen/core/Tensor.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/mapping_guard.h"
#include "runner/checkpoint/safetensors_header.h"

namespace forensics::runner {

// A file's bytes, mapped read-only. Checkpoints are not to be rewritten in place while they are in
// use: CheckUnchanged finds that out, and reading what was cut off ends the process with a message
// (mapping_guard.h). A file that another one replaces under its name stays as it was.
class MappedFile {
 public:
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::string_view bytes() const { return bytes_; }

  // DataLoss if the file has another size or was written to since it was opened, whatever time of
  // writing it claims. Its mode, owner or name are not to be changed either: to the kernel these
  // are one with a write. That a name of it was taken away or added is none of these.
  absl::Status CheckUnchanged() const;

 private:
  MappedFile(std::string path, int descriptor, absl::string_view bytes, const struct stat& opened);

  const std::string path_;
  const int descriptor_;
  const absl::string_view bytes_;
  const struct stat opened_;
  std::optional<MappingGuard> guard_;
};

class SafetensorsFile {
 public:
  // Only a regular file (or a link to one) is opened: a pipe or device has no size to check
  // against.
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const StoredTensors& tensors() const { return tensors_; }
  absl::string_view bytes() const { return file_->bytes(); }
  absl::Status CheckUnchanged() const { return file_->CheckUnchanged(); }

  // The tensor in its stored dtype and shape, of a file that is as it was when it was opened. For
  // reading only: it shares the mapped file's memory, which it keeps alive, unless its bytes are
  // not aligned for the dtype; then it is a copy.
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
