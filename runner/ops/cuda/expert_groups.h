// Tokens in the order of their experts and back, on a GPU. The .cu files state the arithmetic.
// Nothing waits for the GPU: how many pairs each expert has stays there.
#ifndef RUNNER_OPS_CUDA_EXPERT_GROUPS_H_
#define RUNNER_OPS_CUDA_EXPERT_GROUPS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace forensics::runner {

// The (token, slot) pairs whose experts are held, in ascending order of expert, those of one expert
// in token order; int32.
struct ExpertGroups {
  at::Tensor ends;      // [held]: where each expert's pairs end
  at::Tensor place_of;  // [tokens, slots]: a pair's place, -1 where its expert is not held
};

// ids int32 [tokens, slots]; held are the experts first ... first + held - 1.
ExpertGroups GroupByExpertCuda(const at::Tensor& ids, int64_t first, int64_t held);

// x [tokens, width] -> [tokens * slots, width]: row place_of[t, s] is x[t]; rows from the last end
// on are left as they are.
at::Tensor ScatterRowsCuda(const at::Tensor& x, const at::Tensor& place_of);

// y [tokens * slots, width], weights float32 [tokens, slots] -> [tokens, width]: the sum over a
// token's held slots of weight * y[place].
at::Tensor WeightedSumCuda(const at::Tensor& y, const at::Tensor& place_of,
                           const at::Tensor& weights);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_EXPERT_GROUPS_H_
