// The special functions of our kernels: the GPU's own instructions and nothing of libm, so that a
// result depends on no compiler. Subnormal inputs and results are taken as zero (ftz). NVIDIA
// documents bounds of their errors (PTX ISA), not their bits: a twin elsewhere needs a table that
// is recorded on such a GPU.
#pragma once

namespace forensics {

// 2^x
__device__ __forceinline__ float Exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// e^x as 2^(x * log2(e)), the product rounded to float32.
__device__ __forceinline__ float Exp(float x) { return Exp2(x * 1.4426950408889634f); }

// 1 / x
__device__ __forceinline__ float Reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// 1 / sqrt(x)
__device__ __forceinline__ float ReciprocalSqrt(float x) {
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

}  // namespace forensics
