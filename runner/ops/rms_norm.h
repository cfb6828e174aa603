// Root mean square normalisation (Zhang and Sennrich 2019), in Hugging Face's rounding order
// (Qwen3RMSNorm, LlamaRMSNorm): the mean of squares and the normalised value in float32, the latter
// rounded to the input's dtype, then multiplied by the weight and rounded again.
#ifndef RUNNER_OPS_RMS_NORM_H_
#define RUNNER_OPS_RMS_NORM_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// x [rows, width] contiguous, weight [width], both of one dtype (f32, bf16, f16) -> [rows, width].
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// residual [rows, width] += x [rows, width], rounded to their dtype; returns RmsNorm(residual).
at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                      double eps);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_RMS_NORM_H_
