// The special functions of NVIDIA GPUs (PTX: ex2, rcp, rsqrt, all .approx.ftz.f32), bit for bit.
//
// Results are not correctly rounded; NVIDIA documents bounds alone. Each mantissa's result was
// recorded on a Hopper GPU (testdata/hopper): at most two numbers from the correctly rounded one.
// Subnormal inputs and results are zero. NaN is 0x7fffffff. Which other architectures have the same
// bits is not known.
#ifndef RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_
#define RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_

namespace forensics::runner {

// 2^x. The unit first cuts |x| off to a multiple of 2^-23, toward zero; a negative number that is
// not whole then, -(i + f), is taken as -(i + 1) + (1 - f - 2^-23), its ones' complement.
float ApproximateExp2(float x);

// 1 / x: of the mantissa, scaled.
float ApproximateReciprocal(float x);

// 1 / sqrt(x): of a mantissa in [1, 4), scaled. Minus infinity for -0, NaN for other negative ones.
float ApproximateReciprocalSqrt(float x);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_SPECIAL_FUNCTIONS_H_
