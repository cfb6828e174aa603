// Attention as Hugging Face's eager_attention_forward computes it: all scores, a softmax over them,
// then the values.
#ifndef RUNNER_OPS_EAGER_ATTENTION_H_
#define RUNNER_OPS_EAGER_ATTENTION_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// Shapes as in attention.h, f32, bf16 or f16. In the order of Qwen3's eager path, each result
// rounded to the compute dtype T as it is there:
//   scores  = T(T(q . k) * scaling), minus infinity where a query may not look
//   weights = T(exp(score - largest) / sum), in float32 inside
//   out     = T(sum of weight * value), float32 inside
//
// A query's arithmetic is one fixed sequence: sums over head_dim in order, sums over keys in blocks
// of 128 whose sums are added in order. So its bits do not depend on which queries are computed
// with it (one token, a part of the prompt, all of it; another batch), on the instruction set or on
// the number of threads. Keys behind a query have weight zero and would add nothing to any sum:
// they are left out.
//
// Not libtorch's matmul: in float32 (MKL on an AMD CPU with AVX-512) a row's bits were seen to
// change with the number of rows. 3,011 queries in blocks of 16 or 64 had other bits than at once,
// both scores and values; up to 1,000 they had not.
//
// Memory: length * 32 floats a thread.
at::Tensor EagerAttention(const at::Tensor& queries, const at::Tensor& keys,
                          const at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EAGER_ATTENTION_H_
