// Rows of bfloat16 or float32, read and written in chunks of eight elements: one 16-byte access in
// bfloat16, two in float32. What is computed with them is the same for both types and whether or
// not a row can be accessed so.
#pragma once

#include "runner/ops/cuda/bf16.cuh"

namespace forensics {

struct Bf16 {
  unsigned short bits;
};

__device__ __forceinline__ float ToFloat(float x) { return x; }
__device__ __forceinline__ float ToFloat(Bf16 x) { return Widen(x.bits); }

// Rounds to the nearest value of T, ties to even.
template <typename T>
__device__ __forceinline__ T FromFloat(float x);
template <>
__device__ __forceinline__ float FromFloat<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ Bf16 FromFloat<Bf16>(float x) {
  return {ToBf16(x)};
}

// What a value becomes when it is stored as T and read back.
template <typename T>
__device__ __forceinline__ float Rounded(float x) {
  return ToFloat(FromFloat<T>(x));
}

constexpr int kChunk = 8;

// Each element as Rounded<T>: one instruction for two.
template <typename T>
__device__ __forceinline__ void RoundChunk(float (&x)[kChunk]);
template <>
__device__ __forceinline__ void RoundChunk<float>(float (&)[kChunk]) {}
template <>
__device__ __forceinline__ void RoundChunk<Bf16>(float (&x)[kChunk]) {
#pragma unroll
  for (int i = 0; i < kChunk; i += 2) {
    const unsigned pair = PackBf16(x[i], x[i + 1]);
    x[i] = LowOf(pair), x[i + 1] = HighOf(pair);
  }
}

// A whole chunk, at a multiple of 16 bytes.
__device__ __forceinline__ void LoadChunk(const float* p, float (&x)[kChunk]) {
  const float4 a = reinterpret_cast<const float4*>(p)[0];
  const float4 b = reinterpret_cast<const float4*>(p)[1];
  x[0] = a.x, x[1] = a.y, x[2] = a.z, x[3] = a.w;
  x[4] = b.x, x[5] = b.y, x[6] = b.z, x[7] = b.w;
}
__device__ __forceinline__ void LoadChunk(const Bf16* p, float (&x)[kChunk]) {
  const uint4 v = *reinterpret_cast<const uint4*>(p);
  const unsigned words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    x[2 * i] = LowOf(words[i]), x[2 * i + 1] = HighOf(words[i]);
  }
}
__device__ __forceinline__ void StoreChunk(const float (&x)[kChunk], float* p) {
  reinterpret_cast<float4*>(p)[0] = make_float4(x[0], x[1], x[2], x[3]);
  reinterpret_cast<float4*>(p)[1] = make_float4(x[4], x[5], x[6], x[7]);
}
__device__ __forceinline__ void StoreChunk(const float (&x)[kChunk], Bf16* p) {
  *reinterpret_cast<uint4*>(p) = make_uint4(PackBf16(x[0], x[1]), PackBf16(x[2], x[3]),
                                            PackBf16(x[4], x[5]), PackBf16(x[6], x[7]));
}

// The elements [first, first + kChunk) of a row of `width`; those past its end are zero and not
// stored. `aligned`: all chunks of the row are whole and at multiples of 16 bytes.
template <typename T>
__device__ __forceinline__ void LoadFrom(const T* row, int first, int width, bool aligned,
                                         float (&x)[kChunk]) {
  if (aligned) return LoadChunk(row + first, x);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) x[i] = first + i < width ? ToFloat(row[first + i]) : 0.0f;
}
template <typename T>
__device__ __forceinline__ void StoreTo(const float (&x)[kChunk], int first, int width,
                                        bool aligned, T* row) {
  if (aligned) return StoreChunk(x, row + first);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    if (first + i < width) row[first + i] = FromFloat<T>(x[i]);
  }
}

}  // namespace forensics
