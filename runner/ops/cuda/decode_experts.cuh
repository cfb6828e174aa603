// The expert phases of the layers' kernel: gate_up with SwiGLU, and down with the sum over slots.
//
// Arithmetic.
//   gate, up: products as in decode_projection.cuh, rounded to bfloat16. silu = bf16(f32(gate *
//   rcp.approx(1 + ex2.approx(f32(-gate * f32(log2(e))))))); inner = bf16(silu * up).
//   down: of an expert's row, each of the kDownParts warps adds its consecutive groups in ascending
//   order from zero (quantized_tiles.cuh); the parts added in order; rounded to bfloat16.
//   A token's sum over slots: from zero, in order of slots, product and sum each rounded to
//   float32; rounded to bfloat16; residual = bf16(residual + that).
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/decode_projection.cuh"
#include "runner/ops/cuda/decode_router.cuh"
#include "runner/ops/cuda/decode_scratch.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/tagged_rows.cuh"

namespace forensics {

// ---- gate_up -----------------------------------------------------------------------------------

template <typename P>
__device__ __forceinline__ int GateUpUnits(const DecodeScratch<P>& scratch) {
  return ChosenCount<P>(scratch) * P::GateUp::kUnits;
}

// Starts the copy of unit `unit`, its tiles of gates and of the ups with them, to slot `slot`. By
// one thread.
template <typename P>
__device__ __forceinline__ void StageGateUp(const WeightAddresses& weight,
                                            const DecodeScratch<P>& scratch, int unit,
                                            Cells<P::kNf4> to, int slot, unsigned barrier) {
  using Product = typename P::GateUp;
  constexpr int kTiles = P::D::kWidth / 16;
  const long long gate = ChosenExpert<P>(scratch, unit / Product::kUnits) * 2LL * kTiles +
                         unit % Product::kUnits * Product::kSubTiles;
  BeginCopies(barrier, CellBytes<P::kNf4>(2 * kWarps));
  CopyGroups<P::kNf4>(weight, gate, Product::kGroups, kWarps, to, slot * 2 * kWarps, barrier);
  CopyGroups<P::kNf4>(weight, gate + kTiles, Product::kGroups, kWarps, to, (slot * 2 + 1) * kWarps,
                      barrier);
  EndCopies(barrier);
}

__device__ __forceinline__ unsigned short SwiGlu(float gate, float up) {
  const float silu = RoundBf16(gate * Reciprocal(1.0f + Exp(-gate)));
  return ToBf16(silu * up);
}

// From the sums [warp, token, 16 gates and 16 ups] of a unit to args.inner, tagged.
template <typename P>
__device__ __forceinline__ void FinishGateUp(const DecodeArguments& args,
                                             const DecodeScratch<P>& scratch, const float* sums,
                                             int unit, unsigned tag, const Place& at) {
  using Product = typename P::GateUp;
  for (int i = at.thread; i < Product::kSubTiles * P::kBatch * 32; i += kThreads) {
    const int row = i % 32, token = i / 32 % P::kBatch, sub = i / 32 / P::kBatch;  // one warp: one
    const float* part = sums + (sub * Product::kParts * P::kBatch + token) * 32 + row;
    float sum = part[0];
#pragma unroll
    for (int p = 1; p < Product::kParts; ++p) sum += part[p * P::kBatch * 32];
    const float value = RoundBf16(sum), up = __shfl_xor_sync(0xffffffffu, value, 16);
    const int slot = token < args.batch ? SlotOf<P>(scratch, unit / Product::kUnits, token)
                                        : static_cast<int>(kNoSlot);
    if (row >= 16 || slot == kNoSlot) continue;
    const int column = (unit % Product::kUnits * Product::kSubTiles + sub) * 16 + row;
    StoreTagged(args.inner + (token * P::D::kSlots + slot) * P::D::kWidth + column,
                SwiGlu(value, up), tag);
  }
}

// x: this warp's slices of the normalised rows. wait(slot) waits for the copy of a unit to a slot;
// stage(unit, slot) starts the next one's, if there is one.
template <typename P, typename Wait, typename Stage>
__device__ __forceinline__ void MultiplyGateUp(const DecodeArguments& args,
                                               DecodeScratch<P>& scratch, const unsigned (&x)[16],
                                               Cells<P::kNf4> cells, unsigned tag, const Place& at,
                                               Wait wait, Stage stage) {
  const int units = GateUpUnits<P>(scratch);
  int i = 0;
#pragma unroll 1
  for (int unit = blockIdx.x; unit < units; unit += gridDim.x, ++i) {
    const int slot = i % P::kGateUpSlots;
    wait(slot);
    float gate[4] = {0, 0, 0, 0}, up[4] = {0, 0, 0, 0};
    const int first = slot * 2 * kWarps + at.warp;
    MultiplyGroup<P::kNf4>(cells[first], x, scratch.gate_up_table, at.lane, gate);
    MultiplyGroup<P::kNf4>(cells[first + kWarps], x, scratch.gate_up_table, at.lane, up);
    float* sums = scratch.pairs[i % P::kPairBuffers];
    if (P::kPairBuffers == 1 && i > 0) __syncthreads();
    StoreSums<P::kBatch, 32>(gate, sums + at.warp * P::kBatch * 32, 0, at);
    StoreSums<P::kBatch, 32>(up, sums + at.warp * P::kBatch * 32, 16, at);
    __syncthreads();
    stage(unit + P::kGateUpSlots * static_cast<int>(gridDim.x), slot);
    FinishGateUp<P>(args, scratch, sums, unit, tag, at);
  }
}

// ---- down --------------------------------------------------------------------------------------

// Which of the chosen experts this warp multiplies in a round, and its first group of them.
template <typename P>
__device__ __forceinline__ int DownExpert(int round, const Place& at) {
  return round * P::kRound + at.warp / P::kDownParts;
}
template <typename P>
__device__ __forceinline__ int DownGroup(const Place& at) {
  return at.warp % P::kDownParts * P::kDownGroupsPerWarp;
}

// How many experts a round has.
template <typename P>
__device__ __forceinline__ int ExpertsInRound(const DecodeScratch<P>& scratch, int round) {
  const int left = ChosenCount<P>(scratch) - round * P::kRound;
  return left < 0 ? 0 : left < P::kRound ? left : P::kRound;
}

// Starts the copies of row tile `tile` for a round of experts, if there are any; by one warp.
template <typename P>
__device__ __forceinline__ void StageDown(const WeightAddresses& weight,
                                          const DecodeScratch<P>& scratch, int tile, int round,
                                          Cells<P::kNf4> to, unsigned barrier, const Place& at) {
  const int experts = ExpertsInRound<P>(scratch, round);
  if (experts == 0) return;
  if (at.lane == 0) BeginCopies(barrier, experts * CellBytes<P::kNf4>(P::kDownGroups));
  __syncwarp();
  if (at.lane < experts) {
    const long long row_tile =
        static_cast<long long>(ChosenExpert<P>(scratch, round * P::kRound + at.lane)) *
            P::kHiddenTiles +
        tile;
    CopyGroups<P::kNf4>(weight, row_tile, P::kDownGroups, P::kDownGroups, to,
                        at.lane * P::kDownGroups, barrier);
  }
  EndCopiesOfWarp(barrier, at.lane);
}

// One round of experts, staged at `from`: each chosen slot's rounded rows to scratch.down.outputs.
// inner: args.inner in shared memory, a row a slot.
template <typename P>
__device__ __forceinline__ void MultiplyDown(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                             int round, Cells<P::kNf4> from, unsigned inner,
                                             const Place& at) {
  const int i = DownExpert<P>(round, at);
  const bool is_chosen = i < ChosenCount<P>(scratch);
  float sum[4] = {0, 0, 0, 0};
  if (is_chosen) {
    const int slot = at.g < args.batch ? SlotOf<P>(scratch, i, at.g) : static_cast<int>(kNoSlot);
    const unsigned row = inner + (at.g * P::D::kSlots + slot) * RowBytes(P::D::kWidth);
#pragma unroll
    for (int j = 0; j < P::kDownGroupsPerWarp; ++j) {
      unsigned x[16] = {};
      if (slot != kNoSlot) LoadSharedSlice(row, DownGroup<P>(at) + j, at, x);
      MultiplyGroup<P::kNf4>(from[at.warp * P::kDownGroupsPerWarp + j], x, scratch.down_table,
                             at.lane, sum);
    }
  }
  if constexpr (P::kBatch == 1) __syncthreads();  // parts lie where inner does
  if (is_chosen) {
    StoreSums<P::kBatch, 16>(sum, scratch.down.parts + at.warp * P::kBatch * 16, 0, at);
  }
  __syncthreads();
  for (int n = at.thread; n < P::kRound * P::kBatch * 16; n += kThreads) {
    const int row = n % 16, token = n / 16 % P::kBatch, expert = n / 16 / P::kBatch;
    const int chosen = round * P::kRound + expert;
    if (token >= args.batch || chosen >= ChosenCount<P>(scratch)) continue;
    const int slot = SlotOf<P>(scratch, chosen, token);
    if (slot == kNoSlot) continue;
    const float* part =
        scratch.down.parts + (expert * P::kDownParts * P::kBatch + token) * 16 + row;
    float sum = part[0];
#pragma unroll
    for (int p = 1; p < P::kDownParts; ++p) sum += part[p * P::kBatch * 16];
    scratch.down.outputs[token * P::D::kSlots + slot][row] = RoundBf16(sum);
  }
  __syncthreads();
}

// The next layer's args.input = args.middle + the sum over slots, of row tile `tile`. before: this
// thread's word of args.middle, see DownPlace.
template <typename P>
__device__ __forceinline__ int DownPlace(int tile, const Place& at) {
  return at.thread / 16 * P::D::kHidden + tile * 16 + at.thread % 16;
}
template <typename P>
__device__ __forceinline__ void FinishDown(const DecodeArguments& args,
                                           const DecodeScratch<P>& scratch,
                                           const DecodeLayerAddresses& layer, int tile,
                                           unsigned before, unsigned tag, const Place& at) {
  const int row = at.thread % 16, token = at.thread / 16;
  if (token >= args.batch) return;
  float sum = 0;
#pragma unroll
  for (int slot = 0; slot < P::D::kSlots; ++slot) {
    sum += scratch.weights[token][slot] * scratch.down.outputs[token * P::D::kSlots + slot][row];
  }
  const int place = DownPlace<P>(tile, at);
  const unsigned short value = ToBf16(LowOf(before) + RoundBf16(sum));
  StoreTagged(args.input + place, value, tag);
  args.residual[place] = value;
  if (layer.hidden_states != nullptr) layer.hidden_states[place] = value;
}

}  // namespace forensics
