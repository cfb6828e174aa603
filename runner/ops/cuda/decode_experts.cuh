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

// Starts this warp's copies of unit `unit`: its group of a tile of gates and of the ups with them.
// Nothing beyond the last unit. Ends a copy group.
template <typename P>
__device__ __forceinline__ void StageGateUp(const WeightAddresses& weight,
                                            const DecodeScratch<P>& scratch, int unit, unsigned to,
                                            const Place& at) {
  using Product = typename P::GateUp;
  if (unit < GateUpUnits<P>(scratch)) {
    const TiledWeight tiled = {static_cast<const char*>(weight.tiles),
                               static_cast<const char*>(weight.scales), weight.levels};
    constexpr int kTiles = P::D::kWidth / 16;
    const int tile = unit % Product::kUnits * Product::kSubTiles + at.warp / Product::kParts;
    const long long gate = ChosenExpert<P>(scratch, unit / Product::kUnits) * 2LL * kTiles + tile;
    const int group = at.warp % Product::kParts;
    StageGroup<P::kNf4>(tiled, gate, Product::kGroups, group, to, at.lane);
    StageGroup<P::kNf4>(tiled, gate + kTiles, Product::kGroups, group, to + P::kCell, at.lane);
  }
  EndCopyGroup();
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

// x: this warp's slices of the normalised rows; the first kGateUpSlots units of this block are
// staged in copy groups of their own, and one more group after them.
template <typename P>
__device__ __forceinline__ void MultiplyGateUp(const DecodeArguments& args,
                                               DecodeScratch<P>& scratch,
                                               const WeightAddresses& weight,
                                               const unsigned (&x)[16], unsigned region,
                                               unsigned tag, const Place& at) {
  const int units = GateUpUnits<P>(scratch);
  int i = 0;
  for (int unit = blockIdx.x; unit < units; unit += gridDim.x, ++i) {
    if (i < P::kGateUpSlots) {
      WaitCopies<P::kGateUpSlots>();
    } else {
      WaitCopies<P::kGateUpSlots - 1>();
    }
    __syncwarp();
    const unsigned cells = region + i % P::kGateUpSlots * P::kGateUpBytes + at.warp * 2 * P::kCell;
    float gate[4] = {0, 0, 0, 0}, up[4] = {0, 0, 0, 0};
    MultiplyGroup<P::kNf4>(cells, x, scratch.gate_up_table, at.lane, gate);
    MultiplyGroup<P::kNf4>(cells + P::kCell, x, scratch.gate_up_table, at.lane, up);
    __syncwarp();
    StageGateUp<P>(weight, scratch, unit + P::kGateUpSlots * gridDim.x, cells, at);
    float* sums = scratch.pairs[i % P::kPairBuffers];
    if (P::kPairBuffers == 1 && i > 0) __syncthreads();
    StoreSums<P::kBatch, 32>(gate, sums + at.warp * P::kBatch * 32, 0, at);
    StoreSums<P::kBatch, 32>(up, sums + at.warp * P::kBatch * 32, 16, at);
    __syncthreads();
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

// Starts this warp's copies of row tile `tile` for a round of experts; nothing beyond the last
// expert or tile. Ends a copy group.
template <typename P>
__device__ __forceinline__ void StageDown(const WeightAddresses& weight,
                                          const DecodeScratch<P>& scratch, int tile, int round,
                                          unsigned to, const Place& at) {
  const int i = DownExpert<P>(round, at);
  if (tile < P::kHiddenTiles && i < ChosenCount<P>(scratch)) {
    const TiledWeight tiled = {static_cast<const char*>(weight.tiles),
                               static_cast<const char*>(weight.scales), weight.levels};
    const long long row_tile =
        static_cast<long long>(ChosenExpert<P>(scratch, i)) * P::kHiddenTiles + tile;
#pragma unroll
    for (int j = 0; j < P::kDownGroupsPerWarp; ++j) {
      StageGroup<P::kNf4>(tiled, row_tile, P::kDownGroups, DownGroup<P>(at) + j,
                          to + (at.warp * P::kDownGroupsPerWarp + j) * P::kCell, at.lane);
    }
  }
  EndCopyGroup();
}

// One round of experts, staged at `from`: each chosen slot's rounded rows to scratch.down.outputs.
// inner: args.inner in shared memory, a row a slot.
template <typename P>
__device__ __forceinline__ void MultiplyDown(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                             int round, unsigned from, unsigned inner,
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
      MultiplyGroup<P::kNf4>(from + (at.warp * P::kDownGroupsPerWarp + j) * P::kCell, x,
                             scratch.down_table, at.lane, sum);
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
