// Twin of eager attention on a GPU (runner/ops/cuda_attention.cc: CudaEagerAttention): libtorch's
// products, scaling, mask and softmax, one after another.
//
// Exact where the number of keys is a multiple of eight. For others cuBLAS takes kernels of CUTLASS
// that add up in other orders (8 products an instruction, or warps that share k): of an H100's
// products with 129 to 1,023 keys about one in 100,000 elements then differs, by one bit.
//
// Queries are taken 1,024 at a time, over the keys that the last of them sees. Scores and output
// are a chain an output (cuBLAS), rounded to bfloat16; scores times f32(1 / sqrt(head_dim)),
// rounded; the softmax in float32 is libtorch's for rows of up to 1,024: lane l of a warp (of as
// many lanes as the next power of two, 32 at most) adds up expf(x - largest) of columns l, l + 32,
// ...; then v += v of lane ^ 16, 8, 4, 2, 1; a weight is the quotient, rounded to bfloat16.
#ifndef RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_
#define RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_

#include <cstdint>

#include "runner/ops/tensor_core/flash_attention.h"

namespace forensics::runner {

// Longer rows take another kernel of libtorch.
inline constexpr int64_t kMostEagerKeys = 1024;

// Scores [columns] to weights in place.
void SoftmaxRowTwin(float* row, int64_t columns);

// The call's log_sum_exps are not written. bfloat16; at most kMostEagerKeys keys. The bits do not
// depend on parallel_for.
void EagerAttentionTwin(const FlashAttentionCall& call, ParallelForFunction parallel_for);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_
