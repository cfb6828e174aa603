// GPTQ's packing (runner/checkpoint/gptq.h), inputs in the order of their groups, to tiles
// (quantized_weight.h). Integers and the bits of scales are moved, nothing is computed but
// zero + zero_offset. Grid: (columns / 64, row tiles / kRepackTiles).
#include "runner/ops/cuda/repack_arguments.h"
#include "runner/ops/cuda/tile.cuh"

namespace forensics {

// A group's scale and zero point of one row.
__device__ __forceinline__ unsigned ScaleWord(const GroupedSource& from, int column, int row) {
  const int group = (from.first_column + column) / from.group_columns;
  const int output = from.first_row % 8 + row;
  const unsigned word = from.qzeros[group * from.qzeros_stride + output / 8];
  const unsigned zero = (word >> (4 * (output % 8)) & 15) + from.zero_offset;
  return from.scales[group * from.scales_stride + row] | zero << 16;
}

extern "C" __global__ void __launch_bounds__(32 * kRepackTiles)
    repack_gptq(const GroupedSource from, const TilePlace to) {
  const int chunk = blockIdx.x, chunks = to.columns / kTileColumns;
  const int tile = blockIdx.y * kRepackTiles + threadIdx.x / 32;
  const int lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  if (tile >= to.row_tiles) return;
  unsigned packed[4] = {};
#pragma unroll
  for (int t = 0; t < 4; ++t) {
    const long long word = chunk * (kTileColumns / 8) + 2 * q + t / 2;
    const unsigned* column = from.qweight + word * from.qweight_stride + tile * kTileRows + g;
#pragma unroll
    for (int upper = 0; upper < 2; ++upper) {
      const unsigned nibbles = column[8 * upper] >> (16 * (t % 2));
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        packed[t] |= (nibbles >> (4 * j) & 15) << NibbleShift(upper, j);
      }
    }
  }
  static_cast<uint4*>(to.tiles)[(static_cast<long long>(tile) * chunks + chunk) * 32 + lane] =
      make_uint4(packed[0], packed[1], packed[2], packed[3]);
  if (chunk % 2 == 0 && lane < kTileRows) {
    static_cast<unsigned*>(
        to.scales)[(static_cast<long long>(tile) * (chunks / 2) + chunk / 2) * kTileRows + lane] =
        ScaleWord(from, chunk * kTileColumns, tile * kTileRows + lane);
  }
}

}  // namespace forensics
