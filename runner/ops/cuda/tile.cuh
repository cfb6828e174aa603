// A lane's share of a tile of 4-bit weights; the layout is quantized_weight.h's.
#pragma once

namespace forensics {

constexpr int kTileRows = 16;
constexpr int kTileColumns = 64;

// Where a word of a tile holds the j-th (0 to 3) of its four columns, of row g (upper: 0) or g + 8
// (1).
__device__ __forceinline__ constexpr int NibbleShift(int upper, int j) {
  return 4 * upper + 16 * (j % 2) + 8 * (j / 2);
}

}  // namespace forensics
