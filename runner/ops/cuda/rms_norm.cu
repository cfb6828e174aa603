// RMSNorm of rows (runner/ops/rms_norm.h), alone or of the sum of two rows. One block a row; chunks
// of eight elements, chunk c to thread c mod blockDim.
//
// Arithmetic, all in float32: a thread's sum of squares starts at 0 and takes its elements in
// ascending order, sum = fma(x, x, sum); WarpSum adds a warp's lanes, then the warps' sums (those
// of absent warps are 0) in the same way. scale = rsqrt.approx.ftz(sum / width + eps), the division
// IEEE. An element becomes round(round(x * scale) * weight), round() to the dtype. Where rows are
// added, x is round(residual + x), which replaces the residual.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/warp.cuh"

namespace forensics {

// The sum of all threads' `v`, in each thread.
__device__ __forceinline__ float BlockSum(float v) {
  __shared__ float of_warp[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  v = WarpSum(v);
  if (lane == 0) of_warp[warp] = v;
  __syncthreads();
  return WarpSum(lane < blockDim.x / 32 ? of_warp[lane] : 0.0f);
}

// x, residual, out [rows, width]; weight [width]; `row` in shared memory, [width] in whole chunks.
template <typename T, bool kAdds>
__device__ __forceinline__ void NormaliseRow(const T* x, T* residual, const T* weight, T* out,
                                             int width, float eps, bool aligned, T* row) {
  const long long begin = static_cast<long long>(blockIdx.x) * width;
  const int step = blockDim.x * kChunk;
  float squares = 0;
  for (int i = threadIdx.x * kChunk; i < width; i += step) {
    float value[kChunk];
    LoadFrom(x + begin, i, width, aligned, value);
    if constexpr (kAdds) {
      float before[kChunk];
      LoadFrom(residual + begin, i, width, aligned, before);
#pragma unroll
      for (int j = 0; j < kChunk; ++j) value[j] = before[j] + value[j];
      RoundChunk<T>(value);
      StoreTo(value, i, width, aligned, residual + begin);
    }
    StoreChunk(value, row + i);  // read again by this thread only
#pragma unroll
    for (int j = 0; j < kChunk; ++j) squares = fmaf(value[j], value[j], squares);
  }
  const float mean = __fdiv_rn(BlockSum(squares), static_cast<float>(width));
  const float scale = ReciprocalSqrt(mean + eps);
  for (int i = threadIdx.x * kChunk; i < width; i += step) {
    float value[kChunk], factor[kChunk];
    LoadChunk(row + i, value);
    LoadFrom(weight, i, width, aligned, factor);
#pragma unroll
    for (int j = 0; j < kChunk; ++j) value[j] *= scale;
    RoundChunk<T>(value);
#pragma unroll
    for (int j = 0; j < kChunk; ++j) value[j] *= factor[j];
    StoreTo(value, i, width, aligned, out + begin);
  }
}

extern __shared__ uint4 shared_row[];

extern "C" __global__ void rms_norm_bf16(const Bf16* x, const Bf16* weight, Bf16* out, int width,
                                         float eps, int aligned) {
  NormaliseRow<Bf16, false>(x, nullptr, weight, out, width, eps, aligned,
                            reinterpret_cast<Bf16*>(shared_row));
}

extern "C" __global__ void rms_norm_f32(const float* x, const float* weight, float* out, int width,
                                        float eps, int aligned) {
  NormaliseRow<float, false>(x, nullptr, weight, out, width, eps, aligned,
                             reinterpret_cast<float*>(shared_row));
}

extern "C" __global__ void add_rms_norm_bf16(const Bf16* x, Bf16* residual, const Bf16* weight,
                                             Bf16* out, int width, float eps, int aligned) {
  NormaliseRow<Bf16, true>(x, residual, weight, out, width, eps, aligned,
                           reinterpret_cast<Bf16*>(shared_row));
}

extern "C" __global__ void add_rms_norm_f32(const float* x, float* residual, const float* weight,
                                            float* out, int width, float eps, int aligned) {
  NormaliseRow<float, true>(x, residual, weight, out, width, eps, aligned,
                            reinterpret_cast<float*>(shared_row));
}

}  // namespace forensics
