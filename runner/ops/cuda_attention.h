// Attention on a GPU by libtorch's kernels. Shapes as in attention.h.
#ifndef RUNNER_OPS_CUDA_ATTENTION_H_
#define RUNNER_OPS_CUDA_ATTENTION_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// FlashAttention-2 as libtorch has it (bf16, f16); in float32, which that does not know, its
// memory-efficient kernel, as scaled_dot_product_attention would take. A part of a prompt behind
// cached positions takes CudaEagerAttention in float32.
at::Tensor CudaFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values);

// cuDNN's for a whole prompt in bf16 or f16; for anything else CudaFlashAttention: its decoding
// kernel was seen not to repeat itself at batch 4.
at::Tensor CudaCudnnAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values);

// As Hugging Face's eager_attention_forward: batched products by cuBLAS, softmax in float32, each
// result rounded to the compute dtype; in blocks of 1024 queries, which see no key behind the
// block's last. Keys and values are followed by zeros up to a multiple of eight, masked out of the
// softmax: for other widths cuBLAS has kernels that add up in orders of their own, which nobody
// else can follow (runner/ops/emulated/eager_attention.h can, with this).
at::Tensor CudaEagerAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_ATTENTION_H_
