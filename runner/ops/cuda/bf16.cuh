// bfloat16 values as bits: widened exactly, rounded to nearest, ties to even.
#pragma once

namespace forensics {

// The two values of a word: the lower address is the lower half.
__device__ __forceinline__ float LowOf(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float HighOf(unsigned pair) {
  return __uint_as_float(pair & 0xffff0000u);
}

__device__ __forceinline__ float Widen(unsigned short bits) {
  return __uint_as_float(static_cast<unsigned>(bits) << 16);
}

__device__ __forceinline__ unsigned PackBf16(float low, float high) {
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ __forceinline__ unsigned short ToBf16(float x) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

// What x becomes when it is stored as bfloat16.
__device__ __forceinline__ float RoundBf16(float x) { return Widen(ToBf16(x)); }

}  // namespace forensics
