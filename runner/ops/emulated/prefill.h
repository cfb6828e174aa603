// Twin of a prefill on a Hopper GPU: many tokens through all layers, the same bits on a CPU.
//
// Weights are dense for it: cuBLAS's products (tensor_core/product_recipes), all experts at once by
// libtorch's _grouped_mm (a chain an output), libtorch's flash attention, and the own kernels of
// row_kernels between them.
#ifndef RUNNER_OPS_EMULATED_PREFILL_H_
#define RUNNER_OPS_EMULATED_PREFILL_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "runner/ops/emulated/decode_step.h"
#include "runner/ops/tensor_core/flash_attention.h"

namespace forensics::runner {

// Dense weights of a layer, bfloat16 patterns [out, in], row-major: those of EmulatedDecodeLayer.
struct EmulatedDenseLayer {
  const uint16_t* qkv;
  const uint16_t* o_proj;
  std::vector<const uint16_t*> gate_up;  // of each expert
  std::vector<const uint16_t*> down;
};

// After each layer: the residual stream [tokens, hidden].
using EmulatedLayerFunction =
    std::function<void(int64_t layer, const std::vector<uint16_t>& hidden_states)>;

// Feeds one sequence whose embeddings [tokens, hidden] are given, from position 0 on, to an empty
// cache; the layers' keys and values are written. Returns the logits of the last `keep` tokens
// [keep, vocab]. The bits do not depend on parallel_for. At least nine tokens: fewer take other
// kernels on the GPU. head_dim is one that PlanFlashAttention knows.
std::vector<uint16_t> PrefillTwin(const EmulatedDecodeModel& model,
                                  const std::vector<EmulatedDenseLayer>& dense,
                                  const uint16_t* embeddings, int64_t tokens, int64_t keep,
                                  ParallelForFunction parallel_for,
                                  const EmulatedLayerFunction& after_layer);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_PREFILL_H_
