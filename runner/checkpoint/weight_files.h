// The weight files of a checkpoint directory, as one collection of named tensors.
#ifndef RUNNER_CHECKPOINT_WEIGHT_FILES_H_
#define RUNNER_CHECKPOINT_WEIGHT_FILES_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/safetensors.h"

namespace forensics::runner {

class WeightFiles {
 public:
  // Opens model.safetensors or, where there is none, the shards that model.safetensors.index.json
  // names (Hugging Face's order). The index and the shards must agree on where each tensor is; its
  // metadata.total_size is not looked at, as writers differ in what they count.
  static absl::StatusOr<WeightFiles> Open(const std::string& directory);

  WeightFiles(WeightFiles&&) = default;  // a copy's locations would lie in the original's files

  struct Location {
    const SafetensorsFile* file;
    const StoredTensor* tensor;
    absl::string_view bytes() const {
      return file->bytes().substr(static_cast<size_t>(tensor->begin),
                                  static_cast<size_t>(tensor->end - tensor->begin));
    }
  };
  using Locations = std::map<absl::string_view, Location>;

  const Locations& tensors() const { return locations_; }
  // By file name, without the directory.
  const std::map<std::string, SafetensorsFile>& files() const { return files_; }

  // As SafetensorsFile::Read.
  absl::StatusOr<at::Tensor> Read(absl::string_view name) const;

 private:
  explicit WeightFiles(std::map<std::string, SafetensorsFile> files);

  std::map<std::string, SafetensorsFile> files_;
  Locations locations_;  // into files_
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_WEIGHT_FILES_H_
