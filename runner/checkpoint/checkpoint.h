// A published Hugging Face checkpoint directory, verified as a whole when it is opened. The files
// are mapped, not read into memory: they must not be rewritten in place while a Checkpoint is open,
// which is an error as soon as it is seen (safetensors.h).
#ifndef RUNNER_CHECKPOINT_CHECKPOINT_H_
#define RUNNER_CHECKPOINT_CHECKPOINT_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/packed_linear.h"

namespace forensics::runner {

class Checkpoint {
 public:
  // Reads config.json, maps model.safetensors (or the shards of model.safetensors.index.json), and
  // checks every tensor against the registry derived from the config: missing, surplus, misshapen,
  // mistyped, truncated, overlapping and out-of-range ones are errors that name file and tensor,
  // expected and found (tensor_check.h). Where the config names no dtype, config().torch_dtype is
  // that of the embedding.
  static absl::StatusOr<std::unique_ptr<Checkpoint>> Open(const std::string& directory);
  virtual ~Checkpoint() = default;

  // All of the following may be called from several threads at once.

  virtual const ModelConfig& config() const = 0;
  virtual const std::string& directory() const = 0;

  // A tensor that is stored unquantised, under its published name, such as
  // "model.layers.0.input_layernorm.weight"; converted to `dtype`.
  virtual absl::StatusOr<at::Tensor> Tensor(std::string_view name, at::ScalarType dtype) const = 0;

  // The weight [out_features, in_features] of the linear layer `module`, such as
  // "model.layers.0.self_attn.q_proj", dequantised exactly in float32 where it is stored
  // quantised, then rounded once to `dtype`. A tied "lm_head" is the embedding.
  virtual absl::StatusOr<at::Tensor> LinearWeight(std::string_view module,
                                                  at::ScalarType dtype) const = 0;

  // The tensors of the linear layer `module` as they are stored, where it is stored quantised; none
  // where it is not. They lie in the mapped files.
  virtual absl::StatusOr<std::optional<PackedLinear>> PackedWeight(
      std::string_view module) const = 0;

  // SHA-256 (hex) that identifies the model: schema::CheckpointDigest of config.json and every
  // weight file. Reads all files once; the result is kept.
  virtual absl::StatusOr<std::string> Digest() const = 0;

  // DataLoss if a weight file was written to since it was opened: for who has read tensors that lie
  // in the mapped files.
  virtual absl::Status CheckUnchanged() const = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_CHECKPOINT_H_
