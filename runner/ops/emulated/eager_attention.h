// Twin of eager attention on a GPU (runner/ops/cuda_attention.cc: CudaEagerAttention): libtorch's
// products, scaling, mask and softmax, one after another.
//
// Queries are taken 1,024 at a time, over the keys that the last of them sees and zeros up to a
// multiple of eight, which the mask hides. Scores and output are a chain an output (cuBLAS), to
// which those zeros add nothing, rounded to bfloat16; scores times f32(1 / sqrt(head_dim)),
// rounded; the softmax in float32, a weight being the quotient, rounded to bfloat16.
#ifndef RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_
#define RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_

#include <cstdint>

#include "runner/ops/tensor_core/flash_attention.h"

namespace forensics::runner {

// Scores [columns] to weights in place: libtorch's softmax of float32 rows, columns a multiple of
// eight. Which of its kernels adds up the powers expf(x - largest) follows from their number:
//
//   to 2,048   a warp (of as many lanes as the next power of two, 32 at most): lane l adds up
//              columns l, l + 32, ...; then v += v of lane ^ 16, 8, 4, 2, 1
//   to 9,216   1,024 threads: thread t adds up columns t, t + 1,024, ...
//   beyond     1,024 threads, four columns at a time: 4 t ... 4 t + 3, then those 4,096 further on;
//              from 12,256 columns on, what is left of the last 4,096 is divided as up to 9,216
//
// Threads' sums are added up warp by warp, then those of the warps, each as lanes are.
void SoftmaxRowTwin(float* row, int64_t columns);

// The call's log_sum_exps are not written. bfloat16. The bits do not depend on parallel_for.
void EagerAttentionTwin(const FlashAttentionCall& call, ParallelForFunction parallel_for);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_EAGER_ATTENTION_H_
