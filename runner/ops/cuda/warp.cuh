// Sums and maxima over a warp, in a fixed order.
#pragma once

namespace forensics {

// The sum over all 32 lanes, the same in each: five rounds of v += v of lane ^ 16, 8, 4, 2, 1, each
// an IEEE addition.
__device__ __forceinline__ float WarpSum(float v) {
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
  return v;
}

__device__ __forceinline__ float WarpMax(float v) {
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lanes));
  return v;
}

}  // namespace forensics
