// Phases qkv and o_proj of the layers' kernel, and RMSNorm.
//
// Arithmetic.
//   RMSNorm of a row x [hidden]: a thread has four consecutive columns, a warp 128. A chain of
//   fused multiply-adds of x * x, columns ascending, from the first's product; WarpSum; the warps'
//   sums added in ascending order from the first's. scale = rsqrt.approx(sum * (1 / hidden) + eps),
//   product and sum rounded. Result bf16(bf16(x * scale) * weight).
//   A product: each warp's groups of 128 columns (quantized_tiles.cuh) in ascending order from
//   zero; the warps' sums added in ascending order from the first, in float32; rounded to bfloat16.
//   o_proj: residual = bf16(residual + that).
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/decode_scratch.cuh"
#include "runner/ops/cuda/quantized_tiles.cuh"
#include "runner/ops/cuda/row_slices.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/tagged_rows.cuh"

namespace forensics {

// The sum over the four lanes q of a row.
__device__ __forceinline__ float SumOverQ(float v) {
  v += __shfl_xor_sync(0xffffffffu, v, 1);
  return v + __shfl_xor_sync(0xffffffffu, v, 2);
}

// A thread's four columns of a norm's or the router's row.
template <int kHidden>
__device__ __forceinline__ uint2 LoadFourColumns(const unsigned short* row, const Place& at) {
  return __ldg(reinterpret_cast<const uint2*>(row + at.thread % (kHidden / 4) * 4));
}

// The sum over the columns of each of a thread's rows of what `term` gives for its four columns of
// vector i. By all threads; scratch [vectors, warps].
template <typename Rows, int kHidden, typename Term>
__device__ __forceinline__ void SumRows(float* scratch, const Place& at, Term term) {
#pragma unroll
  for (int i = 0; i < Rows::kPerThread; ++i) {
    const float sum = WarpSum(term(i));
    if (at.lane == 0) scratch[i * kWarps + at.warp] = sum;
  }
}
// Once all have met: the sum of row `row`.
template <int kHidden>
__device__ __forceinline__ float RowSum(const float* scratch, int row) {
  constexpr int kRowWarps = kHidden / 128;
  float sum = scratch[row * kRowWarps];
#pragma unroll
  for (int w = 1; w < kRowWarps; ++w) sum += scratch[row * kRowWarps + w];
  return sum;
}

// By all threads: replaces rows by their RMSNorm. squares: scratch [vectors, warps].
template <int kHidden, typename Rows>
__device__ __forceinline__ void NormaliseRows(Rows& rows, uint2 weight, float eps, float* squares,
                                              const Place& at) {
  SumRows<Rows, kHidden>(squares, at, [&](int i) {
    const uint2 x = rows.pairs[i];
    float sum = LowOf(x.x) * LowOf(x.x);
    sum = fmaf(HighOf(x.x), HighOf(x.x), sum);
    sum = fmaf(LowOf(x.y), LowOf(x.y), sum);
    return fmaf(HighOf(x.y), HighOf(x.y), sum);
  });
  __syncthreads();
#pragma unroll
  for (int i = 0; i < Rows::kPerThread; ++i) {
    const float scale =
        ReciprocalSqrt(RowSum<kHidden>(squares, Rows::RowOf(i, at)) * (1.0f / kHidden) + eps);
    const auto normalise = [&](unsigned x, unsigned by) {
      const unsigned normal = PackBf16(LowOf(x) * scale, HighOf(x) * scale);
      return PackBf16(LowOf(normal) * LowOf(by), HighOf(normal) * HighOf(by));
    };
    rows.pairs[i].x = normalise(rows.pairs[i].x, weight.x);
    rows.pairs[i].y = normalise(rows.pairs[i].y, weight.y);
  }
}

// Starts the copy of `unit`'s row tiles to the cells from `first` on; by one thread.
template <typename P, typename Product>
__device__ __forceinline__ void CopyUnit(const WeightAddresses& weight, int unit, Cells<P::kNf4> to,
                                         int first, unsigned barrier) {
  CopyGroups<P::kNf4>(weight, static_cast<long long>(unit) * Product::kSubTiles, Product::kGroups,
                      kWarps * Product::kGroupsPerWarp, to, first, barrier);
}

// Leaves a warp's sums at sums [token, kRows]: `first` is the first row of its tile there.
template <int kBatch, int kRows>
__device__ __forceinline__ void StoreSums(const float (&c)[4], float* sums, int first,
                                          const Place& at) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int token = 2 * at.q + i % 2;
    if (token < kBatch) sums[token * kRows + first + at.g + i / 2 * 8] = c[i];
  }
}

// Of sums [warp, token, 16] of a unit, the sum of a row over the warps that share its tile.
template <typename Product, int kBatch>
__device__ __forceinline__ float SumParts(const float* sums, int sub, int token, int row) {
  const float* part = sums + (sub * Product::kParts * kBatch + token) * 16 + row;
  float sum = part[0];
#pragma unroll
  for (int p = 1; p < Product::kParts; ++p) sum += part[p * kBatch * 16];
  return sum;
}

// Calls finish(row of the weight, token, sum) for each output of `unit`, by one thread each.
template <typename Product, int kBatch, typename Finish>
__device__ __forceinline__ void FinishUnit(const float* sums, int unit, int batch, Finish finish) {
  for (int i = threadIdx.x; i < Product::kSubTiles * kBatch * 16; i += kThreads) {
    const int row = i % 16, token = i / 16 % kBatch, sub = i / 16 / kBatch;
    if (token >= batch) continue;
    finish((unit * Product::kSubTiles + sub) * 16 + row, token,
           SumParts<Product, kBatch>(sums, sub, token, row));
  }
}

// By all threads: makes a weight's table; to be seen after the next barrier.
template <typename P>
__device__ __forceinline__ void MakeTable(const WeightAddresses& weight, Nf4Table& table) {
  if constexpr (P::kNf4) {
    if (threadIdx.x == 0) MakeNf4Table(weight.levels, table);
  }
}

// ---- qkv ---------------------------------------------------------------------------------------

// How many units this block has.
template <typename P>
__device__ __forceinline__ int QkvUnits() {
  const int units = P::Qkv::kUnits - static_cast<int>(blockIdx.x);
  return units <= 0 ? 0 : (units - 1) / static_cast<int>(gridDim.x) + 1;
}

// By one thread, if there are units.
template <typename P>
__device__ __forceinline__ void StageQkv(const WeightAddresses& weight, Cells<P::kNf4> cells,
                                         unsigned barrier) {
  const int units = QkvUnits<P>();
  BeginCopies(barrier, units * CellBytes<P::kNf4>(kWarps));
  for (int i = 0; i < units; ++i) {
    CopyUnit<P, typename P::Qkv>(weight, blockIdx.x + i * gridDim.x, cells, i * kWarps, barrier);
  }
  EndCopies(barrier);
}

// x: this warp's slices of the normalised rows. Writes args.qkv, tagged.
template <typename P>
__device__ __forceinline__ void MultiplyQkv(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                            const unsigned (&x)[16], int first_unit,
                                            Cells<P::kNf4> cells, unsigned tag, const Place& at) {
  using Product = typename P::Qkv;
  const auto finish = [&](int slot) {
    FinishUnit<Product, P::kBatch>(
        scratch.rows[slot % P::kRowBuffers], first_unit + slot * gridDim.x, args.batch,
        [&](int row, int token, float sum) {
          StoreTagged(args.qkv + token * P::kQkvRows + row, ToBf16(sum), tag);
        });
  };
#pragma unroll
  for (int slot = 0; slot < P::kQkvSlots; ++slot) {
    if (first_unit + slot * gridDim.x >= Product::kUnits) break;
    float sum[4] = {0, 0, 0, 0};
    MultiplyGroup<P::kNf4>(cells[slot * kWarps + at.warp], x, scratch.qkv_table, at.lane, sum);
    StoreSums<P::kBatch, 16>(sum, scratch.rows[slot % P::kRowBuffers] + at.warp * P::kBatch * 16, 0,
                             at);
    if constexpr (P::kRowBuffers == 1) {
      __syncthreads();
      finish(slot);
      __syncthreads();
    }
  }
  if constexpr (P::kRowBuffers > 1) {
    __syncthreads();
#pragma unroll
    for (int slot = 0; slot < P::kQkvSlots; ++slot) {
      if (first_unit + slot * gridDim.x < Product::kUnits) finish(slot);
    }
  }
}

// ---- o_proj ------------------------------------------------------------------------------------

// By one thread.
template <typename P>
__device__ __forceinline__ void StageOProj(const WeightAddresses& weight, int unit,
                                           Cells<P::kNf4> cells, unsigned barrier) {
  BeginCopies(barrier, CellBytes<P::kNf4>(kWarps * P::OProj::kGroupsPerWarp));
  CopyUnit<P, typename P::OProj>(weight, unit, cells, 0, barrier);
  EndCopies(barrier);
}

// args.middle = args.input + the product of args.attended. rows: shared memory for that.
template <typename P>
__device__ __forceinline__ void MultiplyOProj(const DecodeArguments& args,
                                              DecodeScratch<P>& scratch, int unit,
                                              Cells<P::kNf4> cells, unsigned rows, unsigned tag,
                                              const Place& at) {
  using Product = typename P::OProj;
  if (unit >= Product::kUnits) return;
  // What this thread's outputs are added to, early.
  constexpr int kOutputs = Product::kSubTiles * P::kBatch * 16;
  constexpr int kRounds = (kOutputs + kThreads - 1) / kThreads;
  unsigned before[kRounds];
  const auto place = [&](int i) {
    const int row = (unit * Product::kSubTiles + i / 16 / P::kBatch) * 16 + i % 16;
    return i / 16 % P::kBatch * P::D::kHidden + row;
  };
  const auto is_output = [&](int i) { return i < kOutputs && i / 16 % P::kBatch < args.batch; };
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    const int i = at.thread + round * kThreads;
    before[round] = LoadTaggedWord(args.input + place(i), is_output(i), tag - 1);
  }
  constexpr int kAtOnce = Smaller(P::kBatch, 4);
  FetchRows<kAtOnce, P::kAttended>(args.attended, args.batch, tag, rows, at);
  __syncthreads();
  const int group = at.warp % Product::kParts * Product::kGroupsPerWarp;
  float sum[4] = {0, 0, 0, 0};
#pragma unroll
  for (int i = 0; i < Product::kGroupsPerWarp; ++i) {
    unsigned x[16] = {};
    if (at.g < args.batch) {
      LoadSharedSlice(rows + at.g * RowBytes(P::kAttended), group + i, at, x);
    }
    MultiplyGroup<P::kNf4>(cells[at.warp * Product::kGroupsPerWarp + i], x, scratch.o_proj_table,
                           at.lane, sum);
  }
  StoreSums<P::kBatch, 16>(sum, scratch.rows[0] + at.warp * P::kBatch * 16, 0, at);
  __syncthreads();
#pragma unroll
  for (int round = 0; round < kRounds; ++round) {
    const int i = at.thread + round * kThreads;
    if (!is_output(i)) continue;
    const float total = SumParts<Product, P::kBatch>(scratch.rows[0], i / 16 / P::kBatch,
                                                     i / 16 % P::kBatch, i % 16);
    StoreTagged(args.middle + place(i), ToBf16(LowOf(before[round]) + RoundBf16(total)), tag);
  }
}

}  // namespace forensics
