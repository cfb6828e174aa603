// NF4's packing (runner/checkpoint/nf4.h) to tiles (quantized_weight.h). Grid: (columns / 64, row
// tiles / kRepackTiles).
//
// Arithmetic: a block's magnitude is as stored, or, nested, nested_map[code] *
// nested_absmax[block / nested_block] + nested_offset in float32, product and sum rounded each.
#include "runner/ops/cuda/repack_arguments.h"
#include "runner/ops/cuda/tile.cuh"

namespace forensics {

// The largest magnitude of a block.
__device__ __forceinline__ float Magnitude(const Nf4Source& from, long long block) {
  if (from.nested_map == nullptr) return static_cast<const float*>(from.absmax)[block];
  const unsigned char code = static_cast<const unsigned char*>(from.absmax)[block];
  const float scaled = from.nested_map[code] * from.nested_absmax[block / from.nested_block];
  return scaled + from.nested_offset;
}

// levels [16] = quant_map [16].
extern "C" __global__ void __launch_bounds__(32 * kRepackTiles)
    repack_nf4(const Nf4Source from, const TilePlace to, const float* quant_map, float* levels) {
  const int chunk = blockIdx.x, chunks = to.columns / kTileColumns;
  const int tile = blockIdx.y * kRepackTiles + threadIdx.x / 32;
  const int lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  if (chunk == 0 && blockIdx.y == 0 && threadIdx.x < 16)
    levels[threadIdx.x] = quant_map[threadIdx.x];
  if (tile >= to.row_tiles) return;
  const int column = from.first_column + chunk * kTileColumns;
  unsigned packed[4] = {};
#pragma unroll
  for (int upper = 0; upper < 2; ++upper) {
    const long long row = from.first_row + tile * kTileRows + g + 8 * upper;
    const uint2 bytes = *reinterpret_cast<const uint2*>(
        from.weight + (row * from.in_features + column + 16 * q) / 2);
#pragma unroll
    for (int k = 0; k < 16; ++k) {  // two weights a byte, the high nibble first
      const unsigned word = k < 8 ? bytes.x : bytes.y;
      const unsigned nibble = word >> (8 * (k % 8 / 2) + (k % 2 == 0 ? 4 : 0)) & 15;
      packed[k / 4] |= nibble << NibbleShift(upper, k % 4);
    }
  }
  static_cast<uint4*>(to.tiles)[(static_cast<long long>(tile) * chunks + chunk) * 32 + lane] =
      make_uint4(packed[0], packed[1], packed[2], packed[3]);
  if (lane < kTileRows) {
    const long long row = from.first_row + tile * kTileRows + lane;
    static_cast<float*>(
        to.scales)[(static_cast<long long>(tile) * chunks + chunk) * kTileRows + lane] =
        Magnitude(from, (row * from.in_features + column) / from.block);
  }
}

}  // namespace forensics
