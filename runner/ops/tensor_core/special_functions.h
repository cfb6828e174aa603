// The special functions of NVIDIA GPUs (PTX: ex2, rcp, rsqrt, lg2, all .approx.ftz.f32), bit for
// bit.
//
// Results are not correctly rounded; NVIDIA documents bounds alone. Each mantissa's result was
// recorded on a Hopper GPU (testdata/hopper): at most two numbers from the correctly rounded one,
// but for lg2, whose error is absolute, below 2^-22, and so has fewer right digits near 1.
// Subnormal inputs and results are zero. NaN is 0x7fffffff. Which other architectures have the same
// bits is not known.
#ifndef RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_
#define RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_

#include <string>

namespace forensics::runner {

// The recorded mantissas, compressed as they are in the repository, one table after the other.
std::string SpecialFunctionTables();

// 2^x. The unit first cuts |x| off to a multiple of 2^-23, toward zero; a negative number that is
// not whole then, -(i + f), is taken as -(i + 1) + (1 - f - 2^-23), its ones' complement.
float ApproximateExp2(float x);

// e^x as the project's own kernels compute it (runner/ops/cuda/special_functions.cuh): 2^(x
// log2(e)), the product rounded.
inline float ApproximateExp(float x) { return ApproximateExp2(x * 1.4426950408889634f); }

// 1 / x: of the mantissa, scaled.
float ApproximateReciprocal(float x);

// 1 / sqrt(x): of a mantissa in [1, 4), scaled. Minus infinity for -0, NaN for other negative ones.
float ApproximateReciprocalSqrt(float x);

// log2(x): of a mantissa in [1, 2), in units of 2^-36, plus the exponent, cut off to float32. NaN
// for negative numbers.
float ApproximateLog2(float x);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_
