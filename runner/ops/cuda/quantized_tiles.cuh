// Products with 4-bit weights as quantized_weight.h lays them out: a warp multiplies 16 rows by 128
// columns (a group) at a time; the up to eight rows of the other operand are the mma's columns.
//
// Arithmetic of one group:
//   AWQ, GPTQ: A = nibble - zero, exact in bfloat16. Two chains of four mma.m16n8k16 from zero: of
//   the columns 64 c + 16 q + 4 t + {0, 1, 2, 3} (c 0 to 1, q 0 to 3) the even chain takes t = 0, 2
//   of c = 0, then of c = 1; the odd one t = 1, 3 likewise; one instruction holds the 16 columns of
//   one (c, t). The group's value is scale * (even + odd): an addition and a product in float32,
//   the latter fused with the addition to the sum of the groups before it.
//   NF4: A = the level rounded to bfloat16. A chain of four mma from zero for each block of 64
//   columns, t = 0 to 3; the block's value scale * chain is fused with the addition to the sum.
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/bulk_copy.cuh"
#include "runner/ops/cuda/decode_arguments.h"
#include "runner/ops/cuda/group_bytes.h"
#include "runner/ops/cuda/memory.cuh"
#include "runner/ops/cuda/mma.cuh"

namespace forensics {

// A weight [rows, columns] or a stack of them, in global memory.
struct TiledWeight {
  const char* tiles;
  const char* scales;
  const float* levels;  // NF4: [16]; null otherwise
};

// The sixteen levels of NF4 as bfloat16, bytes apart, for byte permutations.
struct Nf4Table {
  unsigned low[4], high[4];  // lower and upper bytes of levels 4 i to 4 i + 3
};

__device__ __forceinline__ void MakeNf4Table(const float* levels, Nf4Table& table) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const unsigned first = PackBf16(levels[4 * i], levels[4 * i + 1]);
    const unsigned second = PackBf16(levels[4 * i + 2], levels[4 * i + 3]);
    table.low[i] = __byte_perm(first, second, 0x6420);
    table.high[i] = __byte_perm(first, second, 0x7531);
  }
}

__device__ __forceinline__ Nf4Table LoadSharedTable(const Nf4Table& shared) {
  const unsigned from = SharedAddress(&shared);
  const uint4 low = LoadShared16(from), high = LoadShared16(from + 16);
  return {{low.x, low.y, low.z, low.w}, {high.x, high.y, high.z, high.w}};
}

// Where a group of a row tile lies in shared memory: tiles at a multiple of 128 bytes, as accesses
// of a warp that cross such a border take twice the time.
struct Cell {
  unsigned tiles, scales;
};

// `count` cells from `base` on: all tiles, then all scales.
template <bool kNf4>
struct Cells {
  unsigned base;
  int count;

  __device__ __forceinline__ Cell operator[](int i) const {
    return {base + i * kGroupTileBytes,
            base + count * kGroupTileBytes + i * kGroupScaleBytes<kNf4>};
  }
};

// Starts this warp's copy of group `group` of row tile `tile` (counted through the stack) to `to`.
// Each lane fetches the tile words that it will use itself; the scales are shared by the warp.
template <bool kNf4>
__device__ __forceinline__ void StageGroup(const TiledWeight& weight, long long tile, int groups,
                                           int group, Cell to, int lane) {
  const long long index = tile * groups + group;
  const char* tiles = weight.tiles + index * kGroupTileBytes + lane * 16;
  CopyAsync(to.tiles + lane * 16, tiles);
  CopyAsync(to.tiles + 512 + lane * 16, tiles + 512);
  if (lane < kGroupScaleBytes<kNf4> / 16) {
    CopyAsync(to.scales + lane * 16, weight.scales + index * kGroupScaleBytes<kNf4> + lane * 16);
  }
}

// Bytes of `count` cells.
template <bool kNf4>
constexpr int CellBytes(int count) {
  return count * kGroupBytes<kNf4>;
}

// Copies `count` groups from row tile `tile` on (through the stack, groups and tiles
// in order) to the cells from `first` on: CellBytes(count) at `barrier`. By one thread.
template <bool kNf4>
__device__ __forceinline__ void CopyGroups(const WeightAddresses& weight, long long tile,
                                           int groups, int count, Cells<kNf4> to, int first,
                                           unsigned barrier) {
  const long long index = tile * groups;
  BulkCopy(to[first].tiles, static_cast<const char*>(weight.tiles) + index * kGroupTileBytes,
           count * kGroupTileBytes, barrier);
  BulkCopy(to[first].scales,
           static_cast<const char*>(weight.scales) + index * kGroupScaleBytes<kNf4>,
           count * kGroupScaleBytes<kNf4>, barrier);
}

// (128 + nibble) - (128 + zero) in both halves, exact.
__device__ __forceinline__ unsigned SubtractZero(unsigned nibbles, unsigned minus_offset) {
  unsigned difference;
  asm("{ .reg .b32 biased;\n"
      "lop3.b32 biased, %1, 0x000f000f, 0x43004300, 0xEA;\n"
      "fma.rn.bf16x2 %0, biased, %3, %2; }"
      : "=r"(difference)
      : "r"(nibbles), "r"(minus_offset), "r"(0x3f803f80u));
  return difference;
}

__device__ __forceinline__ float HalfToFloat(unsigned bits) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(static_cast<unsigned short>(bits)));
  return f;
}

// -(128 + zero) in both halves, of a scale word.
__device__ __forceinline__ unsigned MinusOffset(unsigned scale_word) {
  return (0xc300u + (scale_word >> 16)) * 0x10001u;
}

// The levels' bytes of the four nibbles in the low half of `nibbles`.
__device__ __forceinline__ unsigned LookUp(const unsigned (&bytes)[4], unsigned nibbles) {
  const unsigned select = nibbles & 0x7777;
  const unsigned lower = __byte_perm(bytes[0], bytes[1], select);
  const unsigned upper = __byte_perm(bytes[2], bytes[3], select);
  const unsigned is_upper = __byte_perm(0x0000ff00u, 0, (nibbles >> 3) & 0x1111);
  return (upper & is_upper) | (lower & ~is_upper);
}

// The A fragment of a word: levels of nibbles (0, 4), (1, 5), (2, 6), (3, 7).
__device__ __forceinline__ void LookUpWord(const Nf4Table& table, unsigned word, unsigned (&a)[4]) {
  const unsigned low0 = LookUp(table.low, word), high0 = LookUp(table.high, word);
  const unsigned low1 = LookUp(table.low, word >> 16), high1 = LookUp(table.high, word >> 16);
  const unsigned first01 = __byte_perm(low0, high0, 0x5140);
  const unsigned first23 = __byte_perm(low0, high0, 0x7362);
  const unsigned second01 = __byte_perm(low1, high1, 0x5140);
  const unsigned second23 = __byte_perm(low1, high1, 0x7362);
  a[0] = __byte_perm(first01, second01, 0x5410);
  a[1] = __byte_perm(first01, second01, 0x7632);
  a[2] = __byte_perm(first23, second23, 0x5410);
  a[3] = __byte_perm(first23, second23, 0x7632);
}

// sum [C fragment] += the group staged at `from` times b: lane 4 g + q holds of row g of the other
// operand the columns 64 c + 16 q + 2 i + {0, 1} in b[8 c + i]. For kNf4 `table`, in shared memory
// at a multiple of 16 bytes, has the levels. The lane's
// copies must have arrived, and the warp must have met since.
template <bool kNf4>
__device__ __forceinline__ void MultiplyGroup(Cell from, const unsigned (&b)[16],
                                              const Nf4Table& table, int lane, float (&sum)[4]) {
  const int g = lane / 4;
  float first[4] = {0, 0, 0, 0}, second[4] = {0, 0, 0, 0};
  const unsigned scales = from.scales + g * 4;
  if constexpr (kNf4) {
    const Nf4Table levels = LoadSharedTable(table);
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const uint4 tile = LoadShared16(from.tiles + c * 512 + lane * 16);
      const unsigned words[4] = {tile.x, tile.y, tile.z, tile.w};
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        unsigned a[4];
        LookUpWord(levels, words[t], a);
        Mma(c == 0 ? first : second, a[0], a[1], a[2], a[3], b[8 * c + 2 * t],
            b[8 * c + 2 * t + 1]);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = i / 2 * 8;
      sum[i] = fmaf(__uint_as_float(LoadShared32(scales + row * 4)), first[i], sum[i]);
      sum[i] = fmaf(__uint_as_float(LoadShared32(scales + 64 + row * 4)), second[i], sum[i]);
    }
  } else {
    const unsigned upper = LoadShared32(scales), lower = LoadShared32(scales + 32);
    const unsigned upper_offset = MinusOffset(upper), lower_offset = MinusOffset(lower);
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const uint4 tile = LoadShared16(from.tiles + c * 512 + lane * 16);
      const unsigned words[4] = {tile.x, tile.y, tile.z, tile.w};
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const unsigned w = words[t];
        Mma(t % 2 == 0 ? first : second, SubtractZero(w, upper_offset),
            SubtractZero(w >> 4, lower_offset), SubtractZero(w >> 8, upper_offset),
            SubtractZero(w >> 12, lower_offset), b[8 * c + 2 * t], b[8 * c + 2 * t + 1]);
      }
    }
    const float upper_scale = HalfToFloat(upper), lower_scale = HalfToFloat(lower);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sum[i] = fmaf(i < 2 ? upper_scale : lower_scale, first[i] + second[i], sum[i]);
    }
  }
}

}  // namespace forensics
