// A token's experts added up. One block a token.
//
// Arithmetic in float32: sum = 0; for each slot in order whose expert is held, sum = sum + weight *
// y, the product rounded, then the sum; rounded once to the dtype at the end.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/max_slots.h"

namespace forensics {

// y [places, width]; place_of [tokens, slots], -1: not held; weights [tokens, slots]; out [tokens,
// width].
template <typename T>
__device__ __forceinline__ void AddSlots(const T* y, const int* place_of, const float* weights,
                                         int slots, int width, bool aligned, T* out) {
  __shared__ int places[kMaxSlots];
  __shared__ float factors[kMaxSlots];
  const long long token = blockIdx.x;
  if (threadIdx.x < slots) {
    places[threadIdx.x] = place_of[token * slots + threadIdx.x];
    factors[threadIdx.x] = weights[token * slots + threadIdx.x];
  }
  __syncthreads();
  for (int i = threadIdx.x * kChunk; i < width; i += blockDim.x * kChunk) {
    float sum[kChunk] = {};
#pragma unroll 4
    for (int slot = 0; slot < slots; ++slot) {
      if (places[slot] < 0) continue;
      float value[kChunk];
      LoadFrom(y + static_cast<long long>(places[slot]) * width, i, width, aligned, value);
#pragma unroll
      for (int j = 0; j < kChunk; ++j) sum[j] += factors[slot] * value[j];
    }
    StoreTo(sum, i, width, aligned, out + token * width);
  }
}

extern "C" __global__ void weighted_sum_bf16(const Bf16* y, const int* place_of,
                                             const float* weights, int slots, int width,
                                             int aligned, Bf16* out) {
  AddSlots(y, place_of, weights, slots, width, aligned, out);
}

extern "C" __global__ void weighted_sum_f32(const float* y, const int* place_of,
                                            const float* weights, int slots, int width, int aligned,
                                            float* out) {
  AddSlots(y, place_of, weights, slots, width, aligned, out);
}

}  // namespace forensics
