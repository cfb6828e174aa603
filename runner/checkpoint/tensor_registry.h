// What a checkpoint must hold: every tensor that a config implies, by its published name.
#ifndef RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_
#define RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

// What a tensor may be stored as.
enum class Storage {
  kFloat,   // F32, F16 or BF16
  kPacked,  // I32: eight 4-bit integers a word
};

// The dtypes of `storage`, as a safetensors header names them.
const std::vector<absl::string_view>& AllowedDtypes(Storage storage);

struct ExpectedTensor {
  std::vector<int64_t> shape;
  Storage storage = Storage::kFloat;
};

struct LinearLayer {
  int64_t out_features = 0;
  int64_t in_features = 0;
  bool packed = false;  // stored as QuantConfig::method says, not as NAME.weight
};

struct TensorRegistry {
  std::map<std::string, ExpectedTensor, std::less<>> tensors;
  std::map<std::string, LinearLayer, std::less<>> linear_layers;
};

// Whether a checkpoint holds a tensor of this name.
using HasTensor = std::function<bool(absl::string_view name)>;

// The registry of `config`. Where readers of quantised checkpoints differ in which linear layers
// are packed, the files decide, through `has_tensor`:
//   - an entry of modules_to_not_convert that matches whole components of a layer's name
//   ("mlp.gate"
//     in "model.layers.0.mlp.gate") leaves the layer unpacked;
//   - one that matches within a component ("gate" in "mlp.experts.0.gate_proj") leaves it open;
//   - so is an MoE router that no entry names; lm_head is never packed.
// A tied lm_head is not listed, as it is not stored. Errors: a layer whose size its packing cannot
// divide; a quantisation that cannot be read.
absl::StatusOr<TensorRegistry> BuildTensorRegistry(const ModelConfig& config,
                                                   const HasTensor& has_tensor);

// Buffers that old files hold and that are computed from the config: rotary_emb.inv_freq.
bool IsComputedBuffer(absl::string_view name);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_
