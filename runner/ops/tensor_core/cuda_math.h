// CUDA's float32 functions without fast-math (CUDA 13, `expf`, `logf`, `exp2f`) and its intrinsic
// `__logf`, bit for bit, as nvcc compiles them to PTX: a few fused multiply-adds around the special
// functions.
#ifndef RUNNER_OPS_TENSOR_CORE_CUDA_MATH_H_
#define RUNNER_OPS_TENSOR_CORE_CUDA_MATH_H_

namespace forensics::runner {

// e^x (expf): 2^whole * ex2(rest), where whole + rest = x log2(e) and log2(e) has two parts.
float CudaExp(float x);

// ln(x) (logf): exponent * ln(2) plus a polynomial of degree ten in a mantissa in [2/3, 4/3).
float CudaLog(float x);

// 2^x (exp2f): ex2, and below -126, where ex2 would flush to zero, the square of ex2(x / 2).
float CudaExp2(float x);

// ln(x) (__logf): lg2(x) * ln(2). For numbers that are not subnormal.
float CudaFastLog(float x);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_CUDA_MATH_H_
