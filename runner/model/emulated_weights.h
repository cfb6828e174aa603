// A checkpoint's weights as the twins of the GPU's kernels take them (runner/ops/emulated): what a
// model's layers have of linear weights stays in the mapped files until a product asks for it
// (checkpoint_linear.h); embedding, head, routers and norms are kept in bfloat16.
#ifndef RUNNER_MODEL_EMULATED_WEIGHTS_H_
#define RUNNER_MODEL_EMULATED_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/model/checkpoint_linear.h"
#include "runner/ops/emulated/decode_step.h"
#include "runner/ops/rotary.h"
#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// Weights and the sequences' cache. The model points into the rest.
class EmulatedWeights {
 public:
  // Whether such a model can be emulated: Unavailable for one that is no Qwen3-MoE, or of a
  // head_dim whose attention is not known.
  static absl::Status Check(const ModelConfig& config);

  // `checkpoint` must outlive this. Errors are Check's and the checkpoint's. `progress` is called
  // after each layer with the layers done and their total.
  static absl::StatusOr<std::unique_ptr<EmulatedWeights>> Load(
      const Checkpoint& checkpoint, const TensorCore& core, EmulatedAttention attention,
      const std::function<void(int64_t done, int64_t total)>& progress);

  // Whether all layers are kept in 4 bits, as the captured decode step needs them.
  bool HasDecodeStep() const;

  // An empty cache of `capacity` positions for each of `batch` sequences in place of the one
  // before.
  void ResetCache(int64_t batch, int64_t capacity);

  const EmulatedDecodeModel& model() const { return model_; }

  // The embeddings of `ids`, each in [0, vocab): [ids, hidden].
  std::vector<uint16_t> Embed(const std::vector<int64_t>& ids) const;

  // A layer's keys [batch, kv_heads, capacity, head_dim], bfloat16.
  const at::Tensor& keys(int64_t layer) const { return keys_[layer]; }

 private:
  EmulatedWeights() = default;

  absl::Status LoadLayer(const Checkpoint& checkpoint, int64_t layer);
  absl::Status LoadEnds(const Checkpoint& checkpoint);

  const uint16_t* Keep(const at::Tensor& tensor);
  absl::StatusOr<const uint16_t*> Tensor(const Checkpoint& checkpoint, const std::string& name);
  // The weight of an unquantised linear layer, or of one decoded for good.
  absl::StatusOr<const uint16_t*> Dense(const Checkpoint& checkpoint, const std::string& module);
  absl::Status AddLinear(const Checkpoint& checkpoint, std::vector<std::string> modules,
                         const LinearWeight*& linear);
  absl::Status AddStack(const Checkpoint& checkpoint, std::vector<std::vector<std::string>> stack,
                        std::vector<const LinearWeight*>& linears);

  EmulatedDecodeModel model_ = {};
  std::deque<at::Tensor> kept_;
  std::deque<CheckpointLinear> linears_;
  std::vector<at::Tensor> keys_;    // by layer
  std::vector<at::Tensor> values_;  // likewise
  std::vector<float> frequencies_;  // of rotary_
  RotaryTable rotary_;
  const uint16_t* embedding_ = nullptr;  // [vocab, hidden]
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_EMULATED_WEIGHTS_H_
