// A decoder's element-wise parts on a GPU: what rms_norm.h, rotary.h, router.h and swiglu.h are on
// the CPU, with the same roundings. The .cu files state each kernel's arithmetic. Tensors are on
// the current GPU, of one dtype, bfloat16 or float32, and contiguous but for a cache's. Throw
// c10::Error for operands that do not fit, CudaError where the GPU fails.
#ifndef RUNNER_OPS_CUDA_FUSED_KERNELS_H_
#define RUNNER_OPS_CUDA_FUSED_KERNELS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/ops/cuda/max_slots.h"
#include "runner/ops/rotary.h"
#include "runner/ops/router.h"

namespace forensics::runner {

inline constexpr int64_t kMaxHeadDim = 512;
inline constexpr int64_t kMaxExperts = 256;

// x [rows, width], weight [width] -> [rows, width].
at::Tensor RmsNormCuda(const at::Tensor& x, const at::Tensor& weight, double eps);

// residual [rows, width] += x [rows, width], rounded to their dtype; returns the sum's norm.
at::Tensor AddRmsNormCuda(at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                          double eps);

// As SplitHeads in rotary.h. head_dim is even and at most kMaxHeadDim. A table on the CPU is copied
// to the GPU, which waits for the copy: pass one that lies there.
at::Tensor SplitHeadsCuda(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                          at::Tensor& keys, at::Tensor& values);

// logits [tokens, experts]; at most kMaxExperts and kMaxSlots slots. The result is on the
// GPU.
Routing RouteTokensCuda(const at::Tensor& logits, int64_t slots, bool normalise);

// gate_up [rows, 2 * width], gates first -> [rows, width].
at::Tensor SwiGluCuda(const at::Tensor& gate_up);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_FUSED_KERNELS_H_
