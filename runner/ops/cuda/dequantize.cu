// 4-bit weights to dense ones: tiles (quantized_weight.h) of a stack of weights, or of some of
// them, to [rows of all, columns], bfloat16 or float32. One warp a tile.
//
// Arithmetic in float32: AWQ and GPTQ (nibble - zero) * scale, exact; NF4 levels[nibble] * scale,
// an IEEE product. Then rounded once to the output's dtype.
#include "runner/ops/cuda/dequantize_arguments.h"
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/tile.cuh"

namespace forensics {

// A nibble or zero point as a float above 2^23: the difference of two such is exact.
__device__ __forceinline__ float Raised(unsigned n) { return __uint_as_float(0x4b000000u | n); }

__device__ __forceinline__ float HalfToFloat(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}

// The values of a row and group of columns.
struct Int4Row {
  float zero, scale;

  static constexpr int kGroupTiles = 2;
  using Scale = unsigned;
  __device__ __forceinline__ Int4Row(unsigned word, const float*)
      : zero(Raised(word >> 16)), scale(HalfToFloat(word & 0xffff)) {}
  __device__ __forceinline__ float operator()(unsigned q) const {
    return (Raised(q) - zero) * scale;
  }
};

struct Nf4Row {
  float scale;
  const float* levels;  // [16], in shared memory

  static constexpr int kGroupTiles = 1;
  using Scale = float;
  __device__ __forceinline__ Nf4Row(float scale, const float* levels)
      : scale(scale), levels(levels) {}
  __device__ __forceinline__ float operator()(unsigned q) const { return levels[q] * scale; }
};

// The sixteen consecutive columns of one row that a lane holds.
template <typename Row>
__device__ __forceinline__ void Decode(const uint4& tile, int upper, const Row& row,
                                       float (&x)[16]) {
  const unsigned words[4] = {tile.x, tile.y, tile.z, tile.w};
#pragma unroll
  for (int t = 0; t < 4; ++t) {
#pragma unroll
    for (int j = 0; j < 4; ++j) x[4 * t + j] = row((words[t] >> NibbleShift(upper, j)) & 15);
  }
}

// Stores the 64 columns of a row that four neighbouring lanes hold; `row` is their first.
__device__ __forceinline__ void StoreRow(const float (&x)[16], int quarter, float* row) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    reinterpret_cast<float4*>(row + 16 * quarter)[i] =
        make_float4(x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]);
  }
}

// Two neighbours exchange halves first, so that together they store 32 consecutive bytes at once:
// all of a sector. (Half sectors cost a third of the bandwidth.)
__device__ __forceinline__ void StoreRow(const float (&x)[16], int quarter, Bf16* row) {
  unsigned words[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) words[i] = PackBf16(x[2 * i], x[2 * i + 1]);
  const bool odd = quarter % 2 == 1;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const unsigned other = __shfl_xor_sync(0xffffffffu, odd ? words[i] : words[4 + i], 1);
    (odd ? words[i] : words[4 + i]) = other;
  }
  uint4* to = reinterpret_cast<uint4*>(row + 32 * (quarter / 2) + (odd ? 8 : 0));
  to[0] = make_uint4(words[0], words[1], words[2], words[3]);
  to[2] = make_uint4(words[4], words[5], words[6], words[7]);
}

// Where the stack has what is row tile `wanted` of the output; negative: nowhere.
__device__ __forceinline__ int SourceRowTile(const StackChoice& choice, int wanted) {
  if (choice.indices == nullptr) return wanted;
  const int index = choice.indices[wanted / choice.row_tiles];
  if (index < 0 || index >= choice.count) return -1;
  return index * choice.row_tiles + wanted % choice.row_tiles;
}

// tiles [count, choice.row_tiles, columns / 64, 32], scales [count, choice.row_tiles, columns / 64
// / kGroupTiles, 16]; row_tiles of the output.
template <typename Row, typename T>
__device__ __forceinline__ void Dequantize(const uint4* tiles, const typename Row::Scale* scales,
                                           const float* levels, const StackChoice& choice,
                                           int row_tiles, int columns, T* out) {
  const int chunks = columns / kTileColumns;
  const int warp = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  const int row_tile = warp / chunks, chunk = warp % chunks;
  if (row_tile >= row_tiles) return;
  const int source = SourceRowTile(choice, row_tile);
  if (source < 0) return;
  const uint4 words = tiles[(static_cast<long long>(source) * chunks + chunk) * 32 + lane];
  const int group = source * (chunks / Row::kGroupTiles) + chunk / Row::kGroupTiles;
#pragma unroll
  for (int upper = 0; upper < 2; ++upper) {
    const int row = lane / 4 + 8 * upper;
    float x[16];
    Decode(words, upper, Row(scales[static_cast<long long>(group) * kTileRows + row], levels), x);
    const long long at = static_cast<long long>(row_tile) * kTileRows + row;
    StoreRow(x, lane % 4, out + at * columns + chunk * kTileColumns);
  }
}

// levels [16] in shared memory.
__device__ __forceinline__ const float* SharedLevels(const float* levels) {
  __shared__ float shared[16];
  if (threadIdx.x < 16) shared[threadIdx.x] = levels[threadIdx.x];
  __syncthreads();
  return shared;
}

extern "C" __global__ void dequantize_int4_bf16(const uint4* tiles, const unsigned* scales,
                                                const StackChoice choice, int row_tiles,
                                                int columns, Bf16* out) {
  Dequantize<Int4Row>(tiles, scales, nullptr, choice, row_tiles, columns, out);
}

extern "C" __global__ void dequantize_int4_f32(const uint4* tiles, const unsigned* scales,
                                               const StackChoice choice, int row_tiles, int columns,
                                               float* out) {
  Dequantize<Int4Row>(tiles, scales, nullptr, choice, row_tiles, columns, out);
}

extern "C" __global__ void dequantize_nf4_bf16(const uint4* tiles, const float* scales,
                                               const float* levels, const StackChoice choice,
                                               int row_tiles, int columns, Bf16* out) {
  Dequantize<Nf4Row>(tiles, scales, SharedLevels(levels), choice, row_tiles, columns, out);
}

extern "C" __global__ void dequantize_nf4_f32(const uint4* tiles, const float* scales,
                                              const float* levels, const StackChoice choice,
                                              int row_tiles, int columns, float* out) {
  Dequantize<Nf4Row>(tiles, scales, SharedLevels(levels), choice, row_tiles, columns, out);
}

}  // namespace forensics
