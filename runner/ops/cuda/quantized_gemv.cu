// out [rows, weight rows] = x [rows <= 8, columns] times a 4-bit weight transposed, bfloat16. A
// block of eight warps has one row tile of the weight; the rows of x are the mma's columns.
//
// Arithmetic: warp w takes the groups of 128 columns w, w + 8, ... in this order, from zero
// (quantized_tiles.cuh); the warps' sums are added in order from warp 0's and rounded once.
#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/quantized_tiles.cuh"
#include "runner/ops/cuda/row_slices.cuh"

namespace forensics {

constexpr int kGemvWarps = 8;

template <bool kNf4>
__device__ __forceinline__ void QuantizedGemv(const TiledWeight& weight, const unsigned short* x,
                                              int rows, int columns, int out_rows,
                                              unsigned short* out) {
  constexpr int kAhead = 4;  // groups a warp has in flight
  __shared__ __align__(128) unsigned char staged[kGemvWarps * kAhead * kGroupBytes<kNf4>];
  __shared__ float sums[kGemvWarps][8][16];
  const Place at;
  const int groups = columns / 128;
  const Cells<kNf4> cells = {SharedAddress(staged), kGemvWarps * kAhead};
  const auto cell = [&](int i) { return cells[at.warp * kAhead + i % kAhead]; };
  const auto stage = [&](int i) {
    const int group = at.warp + i * kGemvWarps;
    if (group < groups) StageGroup<kNf4>(weight, blockIdx.x, groups, group, cell(i), at.lane);
    EndCopyGroup();
  };
  for (int i = 0; i < kAhead; ++i) stage(i);
  __shared__ alignas(16) Nf4Table table;
  if constexpr (kNf4) {
    if (at.thread == 0) MakeNf4Table(weight.levels, table);
    __syncthreads();
  }
  float sum[4] = {0, 0, 0, 0};
  for (int i = 0; at.warp + i * kGemvWarps < groups; ++i) {
    unsigned b[16];
    LoadSlice(x + at.g * columns, at.g < rows, at.warp + i * kGemvWarps, at, b);
    WaitCopies<kAhead - 1>();
    __syncwarp();
    MultiplyGroup<kNf4>(cell(i), b, table, at.lane, sum);
    __syncwarp();
    stage(i + kAhead);
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[at.warp][2 * at.q + i % 2][at.g + i / 2 * 8] = sum[i];
  __syncthreads();
  const int row = at.thread % 16, token = at.thread / 16;
  if (token >= rows) return;
  float total = sums[0][token][row];
  for (int w = 1; w < kGemvWarps && w < groups; ++w) total += sums[w][token][row];
  out[static_cast<long>(token) * out_rows + blockIdx.x * 16 + row] = ToBf16(total);
}

}  // namespace forensics

extern "C" __global__ void __launch_bounds__(256)
    quantized_gemv_int4(const void* tiles, const void* scales, const unsigned short* x, int rows,
                        int columns, int out_rows, unsigned short* out) {
  forensics::QuantizedGemv<false>(
      {static_cast<const char*>(tiles), static_cast<const char*>(scales), nullptr}, x, rows,
      columns, out_rows, out);
}

extern "C" __global__ void __launch_bounds__(256)
    quantized_gemv_nf4(const void* tiles, const void* scales, const float* levels,
                       const unsigned short* x, int rows, int columns, int out_rows,
                       unsigned short* out) {
  forensics::QuantizedGemv<true>(
      {static_cast<const char*>(tiles), static_cast<const char*>(scales), levels}, x, rows, columns,
      out_rows, out);
}
