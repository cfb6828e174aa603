// The product of every linear layer, and the one place that picks its kernel.
#ifndef RUNNER_OPS_LINEAR_H_
#define RUNNER_OPS_LINEAR_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// x [rows, in] times weight [out, in] transposed, plus bias [out] where defined -> [rows, out]; all
// contiguous and of one dtype (f32, bf16, f16); float32 accumulation, one rounding at the end.
//
// One row (decoding at batch 1) takes our own product, whose bits depend on nothing but the
// operands: sixteen fixed lanes. More rows take libtorch's (MKL in float32, oneDNN in bfloat16 and
// float16), whose bits may depend on the CPU, on the number of rows and on the number of threads.
// On a GPU all rows take libtorch's (cuBLAS).
at::Tensor Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {});

}  // namespace forensics::runner

#endif  // RUNNER_OPS_LINEAR_H_
