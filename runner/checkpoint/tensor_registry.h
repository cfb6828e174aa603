// What a checkpoint must hold: every tensor that a config implies, by its published name.
#ifndef RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_
#define RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/nf4.h"

namespace forensics::runner {

inline constexpr char kEmbedding[] = "model.embed_tokens.weight";

// What a tensor may be stored as.
enum class Storage {
  kFloat,    // F32, F16 or BF16
  kFloat32,  // F32
  kInt32,    // I32: eight 4-bit integers a word, or a group of inputs
  kByte,     // U8: two 4-bit integers, a code, or a character
};

// The dtypes of `storage`, as a safetensors header names them.
const std::vector<absl::string_view>& AllowedDtypes(Storage storage);

inline constexpr int64_t kAnySize = -1;  // in ExpectedTensor.shape

struct ExpectedTensor {
  std::vector<int64_t> shape;
  Storage storage = Storage::kFloat;
};

struct LinearLayer {
  int64_t out_features = 0;
  int64_t in_features = 0;
  bool packed = false;           // stored as QuantConfig::method says, not as NAME.weight
  std::optional<Nf4Layout> nf4;  // with kBnbNf4, if packed
};

struct TensorRegistry {
  std::map<std::string, ExpectedTensor, std::less<>> tensors;
  std::map<std::string, LinearLayer, std::less<>> linear_layers;
};

// Whether a checkpoint holds a tensor of this name.
using HasTensor = std::function<bool(absl::string_view name)>;

// By linear layer, what is stored about its packing: parts of a checkpoint in NF4.
using Nf4Layouts = std::map<std::string, Nf4Layout, std::less<>>;
// NAME.weight of a layer in NF4 has its layout beside it, in a tensor with this name's ending.
inline constexpr absl::string_view kNf4LayoutSuffix = ".weight.quant_state.bitsandbytes__nf4";

// The registry of `config`. Which linear layers are packed:
//   AWQ: all but those in modules_to_not_convert, as far as readers agree on what it means:
//     - an entry that matches whole components of a layer's name ("mlp.gate" in
//       "model.layers.0.mlp.gate") leaves the layer unpacked;
//     - where one matches within a component ("gate" in "mlp.experts.0.gate_proj"), the files
//       decide, through `has_tensor`;
//     - so they do of an MoE router that no entry names; lm_head is never packed.
//   GPTQ, NF4: those that a part of the packing is stored of. Where nothing is stored of a layer,
//     what is missing are its packed tensors, or the weight of a router or lm_head.
// A layer in NF4 that `layouts` does not have is expected in bitsandbytes' usual one. A tied
// lm_head is not listed, as it is not stored. Errors: a layer whose size its packing cannot divide.
absl::StatusOr<TensorRegistry> BuildTensorRegistry(const ModelConfig& config,
                                                   const HasTensor& has_tensor,
                                                   const Nf4Layouts& layouts = {});

// Buffers that old files hold and that are computed from the config: rotary_emb.inv_freq.
bool IsComputedBuffer(absl::string_view name);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TENSOR_REGISTRY_H_
