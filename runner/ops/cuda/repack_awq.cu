// AWQ's packing (runner/checkpoint/awq.h) to tiles (quantized_weight.h). Integers and the bits of
// scales are moved, nothing is computed. Grid: (columns / 64, row tiles / kRepackTiles).
#include "runner/ops/cuda/repack_arguments.h"
#include "runner/ops/cuda/tile.cuh"

namespace forensics {

constexpr int kBlockRows = kRepackTiles * kTileRows;
constexpr int kBlockWords = kBlockRows / 8;  // of one column

// The 4-bit integer of output `row` in its word: nibble i belongs to output kAwqOrder[i] = 0, 2, 4,
// 6, 1, 3, 5, 7.
__device__ __forceinline__ unsigned NibbleOf(unsigned word, int row) {
  return word >> (4 * (row % 8 / 2) + 16 * (row % 2)) & 15;
}

// A group's scale and zero point of one row.
__device__ __forceinline__ unsigned ScaleWord(const GroupedSource& from, int column, int row) {
  const int group = (from.first_column + column) / from.group_columns;
  const unsigned zero = NibbleOf(from.qzeros[group * from.qzeros_stride + row / 8], row);
  return from.scales[group * from.scales_stride + row] | zero << 16;
}

extern "C" __global__ void __launch_bounds__(32 * kRepackTiles)
    repack_awq(const GroupedSource from, const TilePlace to) {
  __shared__ unsigned words[kTileColumns][kBlockWords + 1];
  const int chunk = blockIdx.x, chunks = to.columns / kTileColumns;
  const int first_tile = blockIdx.y * kRepackTiles;
  const int rows = min(kBlockRows, (to.row_tiles - first_tile) * kTileRows);
  for (int i = threadIdx.x; i < kTileColumns * kBlockWords; i += blockDim.x) {
    const int column = i / kBlockWords, word = i % kBlockWords;
    if (8 * word >= rows) continue;
    words[column][word] = from.qweight[(chunk * kTileColumns + column) * from.qweight_stride +
                                       first_tile * (kTileRows / 8) + word];
  }
  if (chunk % 2 == 0 && threadIdx.x < rows) {
    const int tile = first_tile + threadIdx.x / kTileRows;
    static_cast<unsigned*>(
        to.scales)[(static_cast<long long>(tile) * (chunks / 2) + chunk / 2) * kTileRows +
                   threadIdx.x % kTileRows] =
        ScaleWord(from, chunk * kTileColumns, first_tile * kTileRows + threadIdx.x);
  }
  __syncthreads();
  const int tile = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  if (tile * kTileRows >= rows) return;
  unsigned packed[4] = {};
#pragma unroll
  for (int t = 0; t < 4; ++t) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int column = 16 * q + 4 * t + j;
      packed[t] |= NibbleOf(words[column][2 * tile], g) << NibbleShift(0, j);
      packed[t] |= NibbleOf(words[column][2 * tile + 1], g) << NibbleShift(1, j);
    }
  }
  static_cast<uint4*>(
      to.tiles)[(static_cast<long long>(first_tile + tile) * chunks + chunk) * 32 + lane] =
      make_uint4(packed[0], packed[1], packed[2], packed[3]);
}

}  // namespace forensics
