// Twin of a forward pass on a GPU, operator by operator: some tokens of each sequence through all
// layers, the same bits on a CPU. Every pass but those of the captured decode step (decode_step.h).
//
// Linear layers are cuBLAS's products with dense weights (tensor_core/product_recipes), those in 4
// bits for up to eight rows the own kernel's (quantized_matrix); experts a chain an output, whether
// all at once (_grouped_mm) or as copies for each pair (bmm); attention libtorch's flash attention
// or eager_attention; between them the own kernels of row_kernels.
#ifndef RUNNER_OPS_EMULATED_FORWARD_PASS_H_
#define RUNNER_OPS_EMULATED_FORWARD_PASS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/ops/emulated/decode_step.h"
#include "runner/ops/tensor_core/parallel_for.h"

namespace forensics::runner {

// The new tokens: so many of each sequence, from position `start` on.
struct EmulatedTokens {
  int64_t batch;
  int64_t count;
  int64_t start;

  int64_t rows() const { return batch * count; }
};

// After each layer: the residual stream [batch, count, hidden].
using EmulatedLayerFunction =
    std::function<void(int64_t layer, const std::vector<uint16_t>& hidden_states)>;

// Feeds tokens whose embeddings [batch, count, hidden] are given to a cache that holds the
// positions before them; the layers' keys and values are written. Returns the logits of each
// sequence's last `keep` tokens [batch, keep, vocab]. The bits do not depend on parallel_for.
// head_dim is one that PlanFlashAttention knows. Errors are those of the linear weights.
absl::StatusOr<std::vector<uint16_t>> ForwardPassTwin(const EmulatedDecodeModel& model,
                                                      const uint16_t* embeddings,
                                                      const EmulatedTokens& tokens, int64_t keep,
                                                      ParallelForFunction parallel_for,
                                                      const EmulatedLayerFunction& after_layer);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_FORWARD_PASS_H_
