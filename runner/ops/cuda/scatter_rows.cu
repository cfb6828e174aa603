// Each token's row to the places of its (token, slot) pairs; nothing is computed. One block a
// token.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/max_slots.h"

namespace forensics {

// x [tokens, width]; place_of [tokens, slots], -1: nowhere; out [places, width].
template <typename T>
__device__ __forceinline__ void ScatterRow(const T* x, const int* place_of, int slots, int width,
                                           bool aligned, T* out) {
  __shared__ int places[kMaxSlots];
  const long long token = blockIdx.x;
  if (threadIdx.x < slots) places[threadIdx.x] = place_of[token * slots + threadIdx.x];
  __syncthreads();
  for (int i = threadIdx.x * kChunk; i < width; i += blockDim.x * kChunk) {
    float value[kChunk];
    LoadFrom(x + token * width, i, width, aligned, value);
    for (int slot = 0; slot < slots; ++slot) {
      if (places[slot] < 0) continue;
      StoreTo(value, i, width, aligned, out + static_cast<long long>(places[slot]) * width);
    }
  }
}

extern "C" __global__ void scatter_rows_bf16(const Bf16* x, const int* place_of, int slots,
                                             int width, int aligned, Bf16* out) {
  ScatterRow(x, place_of, slots, width, aligned, out);
}

extern "C" __global__ void scatter_rows_f32(const float* x, const int* place_of, int slots,
                                            int width, int aligned, float* out) {
  ScatterRow(x, place_of, slots, width, aligned, out);
}

}  // namespace forensics
