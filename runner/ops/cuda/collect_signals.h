// The signals of a captured decode step, brought to the host by the step itself.
#ifndef RUNNER_OPS_CUDA_COLLECT_SIGNALS_H_
#define RUNNER_OPS_CUDA_COLLECT_SIGNALS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace forensics::runner {

class SignalCollector {
 public:
  // Of one layer, bfloat16 on the GPU: the residual stream [batch, hidden] and the cache's keys
  // [batch, kv_heads, capacity, head_dim]; hidden and head_dim multiples of 8. Kept alive.
  struct Layer {
    at::Tensor hidden_states;
    at::Tensor keys;
  };

  // `position`, int32 [1] on the GPU: where the step appends. Allocates: not while capturing.
  SignalCollector(std::vector<Layer> layers, at::Tensor position);

  // Enqueues the copies to the host on CurrentStream(). Throws CudaError.
  void Launch() const;

  // What the last Launch that has ended left, on the CPU; views of memory that the next one
  // overwrites: [batch, 1, hidden] and [batch, kv_heads, 1, head_dim] of the i-th layer.
  at::Tensor HiddenStates(int64_t i) const;
  at::Tensor Keys(int64_t i) const;

 private:
  std::vector<Layer> layers_;
  at::Tensor position_;
  at::Tensor sources_;  // uint8 on the GPU: SignalSource of each layer
  at::Tensor signals_;  // pinned, [layers, batch, hidden + kv_heads * head_dim]
};

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_COLLECT_SIGNALS_H_
