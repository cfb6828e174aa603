// A product of few rows with a 4-bit weight: decoding outside the captured step.
#ifndef RUNNER_OPS_CUDA_QUANTIZED_GEMV_H_
#define RUNNER_OPS_CUDA_QUANTIZED_GEMV_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/ops/cuda/quantized_weight.h"

namespace forensics::runner {

inline constexpr int64_t kMaxGemvRows = 8;

// x [rows <= 8, columns] bfloat16 on the GPU times the transpose of weight [rows_out, columns]
// (count 1) -> [rows, rows_out] bfloat16, rounded once; arithmetic: quantized_gemv.cu. Runs on
// CurrentStream(). Throws CudaError.
at::Tensor QuantizedGemv(const at::Tensor& x, const QuantizedWeight& weight);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_QUANTIZED_GEMV_H_
