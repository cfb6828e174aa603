// The choice of experts (Qwen3MoeTopKRouter).
#ifndef RUNNER_OPS_ROUTER_H_
#define RUNNER_OPS_ROUTER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace forensics::runner {

struct Routing {
  at::Tensor experts;  // [tokens, slots] int32, heaviest first, ties by lower id
  at::Tensor weights;  // [tokens, slots] float32 values, rounded to the logits' dtype
};

// logits [tokens, experts] (f32, bf16, f16): softmax over all experts in float32, the `slots`
// largest, divided by their sum if `normalise` (norm_topk_prob), then rounded to the dtype.
Routing RouteTokens(const at::Tensor& logits, int64_t slots, bool normalise);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_ROUTER_H_
