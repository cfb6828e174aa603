// All layers of one decode step in one kernel, one block an SM. Blocks hand results to each other
// in tagged words (tagged.cuh) instead of meeting at barriers, and every phase's weights are on
// their way to shared memory, by the copy engine, before the phase that needs them.
//
// A result's place is used again in the next layer. It is safe to: every block has, in every layer,
// a unit of gate_up or a tile of down, on which everything in the next layer depends, and waits
// only for results of which it makes something that the layer needs, before it makes it.
//
//   phase            work of a block                  copies started after it
//   0 qkv            norm; up to 3 units
//   1 scores, values blocks of 192 keys
//   2 combination    query heads
//   3 o_proj         1 row tile
//   4 router         norm; 1 expert                   the next layer's qkv
//   5 gate_up        choice of experts; units         after the choice: gate_up, down; at the end
//                                                     the next layer's keys and values (of a batch:
//                                                     after down)
//   6 down           1 row tile of all experts        the next layer's o_proj
//
// The phases' arithmetic is stated in their headers; none depends on the grid or the batch.
#pragma once

#include "runner/ops/cuda/bulk_copy.cuh"
#include "runner/ops/cuda/decode_attention.cuh"
#include "runner/ops/cuda/decode_experts.cuh"
#include "runner/ops/cuda/decode_projection.cuh"
#include "runner/ops/cuda/decode_router.cuh"
#include "runner/ops/cuda/decode_scratch.cuh"
#include "runner/ops/cuda/grid_barrier.cuh"

namespace forensics {

template <typename P>
class LayersKernel {
 public:
  __device__ __forceinline__ LayersKernel(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                          unsigned dynamic_shared)
      : args_(args),
        scratch_(scratch),
        barrier_(args.counters),
        region_a_(dynamic_shared),
        region_b_(region_a_ + P::kRegionA),
        region_c_(region_b_ + P::kRegionB),
        position_(*args.position),
        step_(args.counters[1]) {}

  __device__ __forceinline__ void Run() {
    if (threadIdx.x == 0) {
      for (int i = 0; i < P::kCopyBarriers; ++i) MakeCopyBarrier(Barrier(i));
      PublishCopyBarriers();
      scratch_.first_unit = KeyBlock(blockIdx.x, P::D::kKvHeads, position_ / kKeyBlock + 1);
    }
    __syncthreads();
    StageAddresses(0);
    WaitFor(kAddresses);
    StageQkvOf(0);
    StageKeysAndValues(0);
    StageNextOProj(0);
    for (int layer = 0; layer < args_.layer_count; ++layer) RunLayer(layer);
    LetNextKernelStart();
  }

 private:
  __device__ __forceinline__ Attention<P> MakeAttention(int layer) const {
    return {args_, scratch_, region_a_, region_a_ + P::kKeyBytes, position_, Tag(layer)};
  }

  // Where the products' weights lie.
  __device__ __forceinline__ Cells<P::kNf4> QkvCells() const {
    return {region_b_, P::kQkvSlots * kWarps};
  }
  __device__ __forceinline__ Cells<P::kNf4> OProjCells() const {
    return {region_c_, P::OProj::kGroupsPerWarp * kWarps};
  }
  __device__ __forceinline__ Cells<P::kNf4> GateUpCells() const {
    return {region_a_, P::kGateUpSlots * kWarps * 2};
  }
  __device__ __forceinline__ Cells<P::kNf4> DownCells(int round) const {
    const bool in_c = round % P::kDownBuffers == 0;
    return {in_c ? region_c_ : region_a_ + P::kInnerBytes, P::kDownGroupsPerWarp * kWarps};
  }

  // Of what a layer's phases make.
  __device__ __forceinline__ unsigned Tag(int layer) const { return TagOf(step_, layer + 1); }

  __device__ __forceinline__ const DecodeLayerAddresses& Layer(int layer) const {
    return scratch_.layers[layer % 3];
  }

  // ---- Copies ahead: all by the last warp; each is waited for by all threads --------------------

  enum CopyBarrier { kQkv, kOProj, kKeys, kValues, kAddresses, kGateUp };
  static constexpr int kDown = kGateUp + P::kGateUpSlots;

  __device__ __forceinline__ unsigned Barrier(int i) const {
    return SharedAddress(&scratch_.copy_barriers[i]);
  }
  __device__ __forceinline__ void WaitFor(int i) {
    WaitForCopies(Barrier(i), phases_ >> i & 1);
    phases_ ^= 1u << i;
  }
  static __device__ __forceinline__ bool IsCopier() { return threadIdx.x == kThreads - 32; }

  __device__ __forceinline__ void StageAddresses(int layer) {
    static_assert(sizeof(DecodeLayerAddresses) % 16 == 0, "for the copy engine");
    if (layer >= args_.layer_count || !IsCopier()) return;
    BeginCopies(Barrier(kAddresses), sizeof(DecodeLayerAddresses));
    BulkCopy(SharedAddress(&scratch_.layers[layer % 3]), args_.layers + layer,
             sizeof(DecodeLayerAddresses), Barrier(kAddresses));
    EndCopies(Barrier(kAddresses));
  }

  __device__ __forceinline__ void StageQkvOf(int layer) {
    if (layer < args_.layer_count && blockIdx.x < P::Qkv::kUnits && IsCopier()) {
      StageQkv<P>(Layer(layer).qkv, QkvCells(), Barrier(kQkv));
    }
  }

  // And the addresses of the layer after it.
  __device__ __forceinline__ void StageKeysAndValues(int layer) {
    const Attention<P> attention = MakeAttention(layer);
    StageAddresses(layer + 1);
    if (layer >= args_.layer_count) return;
    if (static_cast<int>(blockIdx.x) >= attention.Units()) return;
    StageKeys(layer, attention, scratch_.first_unit);
    StageValues(layer, attention, scratch_.first_unit);
  }
  __device__ __forceinline__ const char* CacheMap(int layer, int which) const {
    return args_.cache_maps + (layer * 2 + which) * kTensorMapBytes;
  }
  __device__ __forceinline__ void StageKeys(int layer, const Attention<P>& attention,
                                            KeyBlock unit) {
    if (!IsCopier()) return;
    attention.StageRows(CacheMap(layer, 0), unit, attention.keys, Barrier(kKeys));
  }
  __device__ __forceinline__ void StageValues(int layer, const Attention<P>& attention,
                                              KeyBlock unit) {
    if (!IsCopier()) return;
    attention.StageRows(CacheMap(layer, 1), unit, attention.values, Barrier(kValues));
  }
  __device__ __forceinline__ void WaitForRows() {
    WaitFor(kKeys);
    WaitFor(kValues);
  }

  __device__ __forceinline__ void StageNextOProj(int layer) {
    if (layer < args_.layer_count && blockIdx.x < P::OProj::kUnits && IsCopier()) {
      StageOProj<P>(Layer(layer).o_proj, blockIdx.x, OProjCells(), Barrier(kOProj));
    }
  }

  __device__ __forceinline__ void StageGateUpUnit(const WeightAddresses& weight, int unit,
                                                  int slot) {
    if (unit < GateUpUnits<P>(scratch_) && IsCopier()) {
      StageGateUp<P>(weight, scratch_, unit, GateUpCells(), slot, Barrier(kGateUp + slot));
    }
  }

  __device__ __forceinline__ void StageDownRound(const WeightAddresses& weight, int round) {
    const Place at;
    if (blockIdx.x < P::kHiddenTiles && at.warp == kWarps - 1) {
      StageDown<P>(weight, scratch_, blockIdx.x, round, DownCells(round),
                   Barrier(kDown + round % P::kDownBuffers), at);
    }
  }

  // Ends this block's part of the phase before `phase`.
  __device__ __forceinline__ void Begin(int layer, int phase) {
    __syncthreads();
    if (args_.clocks != nullptr && blockIdx.x == 0 && threadIdx.x == 0) {
      args_.clocks[layer * kDecodePhases + phase] = clock64();
    }
  }

  __device__ __forceinline__ void RunLayer(int layer) {
    RunQkv(layer);
    if (args_.eager) {
      RunEagerAttention(layer);
    } else {
      RunFlashAttention(layer);
    }
    Begin(layer, 2);
    MakeAttention(layer).Combine();
    RunOProj(layer);
    unsigned x[16];
    RunRouter(layer, x);
    StageQkvOf(layer + 1);
    RunExperts(layer, x);
  }

  // ---- Phases ----------------------------------------------------------------------------------

  __device__ __forceinline__ void RunQkv(int layer) {
    const Place at;
    constexpr int kParts = P::Qkv::kParts;
    const uint2 weight = LoadFourColumns<P::D::kHidden>(Layer(layer).input_norm, at);
    MakeTable<P>(Layer(layer).qkv, scratch_.qkv_table);
    Begin(layer, 0);
    if (blockIdx.x >= P::Qkv::kUnits) return;
    unsigned x[16] = {};
    NormaliseBatch(args_.input, Tag(layer) - 1, weight, SharedAddress(scratch_.normalised),
                   at.warp % kParts, at, x, [](const Rows&, int) { __syncthreads(); });
    __syncthreads();  // partial sums lie where the rows did
    WaitFor(kQkv);
    MultiplyQkv<P>(args_, scratch_, x, blockIdx.x, QkvCells(), Tag(layer), at);
  }

  // Rows of the residual stream that are normalised at once.
  static constexpr int kRowsAtOnce = Smaller(P::kBatch, 4);
  using Rows = TaggedRows<kRowsAtOnce, P::D::kHidden>;

  // Fetches and normalises all rows; leaves this warp's slices of group `group` in x. `to`: shared
  // memory for kRowsAtOnce rows. meet(rows, first token) is called when rows are stored and meets
  // all threads.
  template <typename Meet>
  __device__ __forceinline__ void NormaliseBatch(const unsigned* words, unsigned tag, uint2 weight,
                                                 unsigned to, int group, const Place& at,
                                                 unsigned (&x)[16], Meet meet) {
#pragma unroll
    for (int first = 0; first < P::kBatch; first += kRowsAtOnce) {
      if (first >= args_.batch) break;
      Rows rows;
      rows.Load(words + first * P::D::kHidden, args_.batch - first, tag, at);
      NormaliseRows<P::D::kHidden>(rows, weight, args_.eps, scratch_.squares, at);
      rows.Store(to, at);
      meet(rows, first);
      const int row = at.g - first;
      if (row >= 0 && row < kRowsAtOnce && at.g < args_.batch) {
        LoadSharedSlice(to + row * RowBytes(P::D::kHidden), group, at, x);
      }
      if (first + kRowsAtOnce < P::kBatch) __syncthreads();
    }
  }

  __device__ __forceinline__ void RunFlashAttention(int layer) {
    const Attention<P> attention = MakeAttention(layer);
    const typename Attention<P>::HeadConstants constants =
        attention.LoadHeadConstants(Layer(layer));
    if (layer + 1 < args_.layer_count) WaitFor(kAddresses);
    KeyBlock unit = scratch_.first_unit, following = unit;
    if (static_cast<int>(blockIdx.x) < attention.Units()) WaitForRows();
    Begin(layer, 1);
#pragma unroll 1
    for (int i = blockIdx.x; i < attention.Units(); i += gridDim.x, unit = following) {
      const int next = i + gridDim.x;
      const bool has_next = next < attention.Units();
      if (has_next) following = KeyBlock(next, P::D::kKvHeads, attention.Active());
      if (i != static_cast<int>(blockIdx.x)) {
        WaitForRows();
        __syncthreads();
      }
      attention.PrepareHeads(Layer(layer), unit, constants);
      attention.FlashBlock(unit, [&] {
        if (has_next) StageKeys(layer, attention, following);
      });
      if (has_next) {
        FenceBeforeCopies();
        __syncthreads();
        StageValues(layer, attention, following);
      }
    }
  }

  // Three passes over the key blocks, with barriers between them.
  __device__ __forceinline__ void RunEagerAttention(int layer) {
    const Attention<P> attention = MakeAttention(layer);
    const typename Attention<P>::HeadConstants constants =
        attention.LoadHeadConstants(Layer(layer));
    const auto for_each_unit = [&](auto pass) {
      for (int i = blockIdx.x; i < attention.Units(); i += gridDim.x) {
        pass(KeyBlock(i, P::D::kKvHeads, attention.Active()));
      }
    };
    if (layer + 1 < args_.layer_count) WaitFor(kAddresses);
    if (static_cast<int>(blockIdx.x) < attention.Units()) WaitForRows();
    Begin(layer, 1);
    const bool staged = attention.Units() <= static_cast<int>(gridDim.x);  // one unit at most
    for_each_unit([&](KeyBlock unit) {
      if (!staged) Restage(layer, unit);
      attention.PrepareHeads(Layer(layer), unit, constants);
      attention.EagerScores(unit);
    });
    barrier_.Arrive();
    barrier_.Wait();
    for_each_unit([&](KeyBlock unit) { attention.EagerTotals(unit); });
    barrier_.Arrive();
    barrier_.Wait();
    for_each_unit([&](KeyBlock unit) {
      if (!staged) {
        Restage(layer, unit);
        attention.PrepareHeads(Layer(layer), unit, constants);
      }
      attention.EagerValues(unit);
    });
  }

  // By all threads: a block's keys and values, waited for.
  __device__ __forceinline__ void Restage(int layer, KeyBlock unit) {
    const Attention<P> attention = MakeAttention(layer);
    FenceBeforeCopies();
    __syncthreads();
    StageKeys(layer, attention, unit);
    StageValues(layer, attention, unit);
    WaitForRows();
    __syncthreads();
  }

  __device__ __forceinline__ void RunOProj(int layer) {
    const Place at;
    MakeTable<P>(Layer(layer).o_proj, scratch_.o_proj_table);
    Begin(layer, 3);
    if (blockIdx.x < P::OProj::kUnits) WaitFor(kOProj);
    MultiplyOProj<P>(args_, scratch_, blockIdx.x, OProjCells(), region_a_, Tag(layer), at);
  }

  // Leaves the normalised rows' slices in x.
  __device__ __forceinline__ void RunRouter(int layer, unsigned (&x)[16]) {
    const Place at;
    constexpr int kParts = P::GateUp::kParts;
    const int part = at.warp % kParts;
    const uint2 weight = LoadFourColumns<P::D::kHidden>(Layer(layer).post_attention_norm, at);
    const int expert = blockIdx.x < P::D::kExperts ? blockIdx.x : 0;
    const unsigned short* const router = Layer(layer).router;
    const uint2 router_row = LoadFourColumns<P::D::kHidden>(router + expert * P::D::kHidden, at);
    Begin(layer, 4);
#pragma unroll
    for (unsigned& pair : x) pair = 0;
    NormaliseBatch(
        args_.middle, Tag(layer), weight, region_a_, part, at, x, [&](const Rows& rows, int first) {
          RouterLogits<P>(args_, scratch_, router, rows, first, router_row, Tag(layer), at);
        });
  }

  __device__ __forceinline__ void RunExperts(int layer, const unsigned (&x)[16]) {
    const Place at;
    const DecodeLayerAddresses& weights = Layer(layer);
    MakeTable<P>(weights.gate_up, scratch_.gate_up_table);
    FenceBeforeCopies();  // rows of activations, the token's key and value
    Begin(layer, 5);
    RouteTokens<P>(args_, scratch_, weights, Tag(layer), at);
    for (int i = 0; i < P::kGateUpSlots; ++i) {
      StageGateUpUnit(weights.gate_up, blockIdx.x + i * gridDim.x, i);
    }
    StageDownRound(weights.down, 0);
    MultiplyGateUp<P>(
        args_, scratch_, x, GateUpCells(), Tag(layer), at,
        [&](int slot) { WaitFor(kGateUp + slot); },
        [&](int unit, int slot) { StageGateUpUnit(weights.gate_up, unit, slot); });
    __syncthreads();
    if constexpr (P::kBatch == 1) {
      StageKeysAndValues(layer + 1);
    } else if constexpr (P::kDownBuffers > 1) {
      StageDownRound(weights.down, 1);
    }
    MakeTable<P>(weights.down, scratch_.down_table);
    Begin(layer, 6);
    RunDown(layer, weights);
    FenceBeforeCopies();
    __syncthreads();
    if constexpr (P::kBatch > 1) StageKeysAndValues(layer + 1);
    StageNextOProj(layer + 1);
  }

  __device__ __forceinline__ void RunDown(int layer, const DecodeLayerAddresses& weights) {
    const Place at;
    const int tile = blockIdx.x;
    if (tile >= P::kHiddenTiles) return;
    const unsigned before = LoadTaggedWord(args_.middle + DownPlace<P>(tile, at),
                                           at.thread / 16 < args_.batch, Tag(layer));
    const unsigned inner = P::kBatch == 1 ? SharedAddress(scratch_.inner) : region_a_;
    constexpr int kAtOnce = Smaller(2, P::kBatch) * P::D::kSlots;
    FetchRows<kAtOnce, P::D::kWidth>(args_.inner, args_.batch * P::D::kSlots, Tag(layer), inner,
                                     at);
    __syncthreads();
    for (int round = 0; round * P::kRound < ChosenCount<P>(scratch_); ++round) {
      WaitFor(kDown + round % P::kDownBuffers);
      MultiplyDown<P>(args_, scratch_, round, DownCells(round), inner, at);
      if constexpr (P::kBatch > 1) StageDownRound(weights.down, round + P::kDownBuffers);
    }
    FinishDown<P>(args_, scratch_, weights, tile, before, Tag(layer), at);
  }

  const DecodeArguments& args_;
  DecodeScratch<P>& scratch_;
  GridBarrier barrier_;
  const unsigned region_a_, region_b_, region_c_;  // shared memory, see DecodePlan
  const int position_;
  const unsigned step_;
  unsigned phases_ = 0;  // by barrier of copies: the parity of the next round to wait for
};

// One kernel for `Dims`, `nf4` and up to `batch` rows.
#define FORENSICS_DECODE_LAYERS(name, Dims, nf4, batch)                                           \
  extern "C" __global__ void __launch_bounds__(forensics::kThreads, 1)                            \
      name(const __grid_constant__ forensics::DecodeArguments args) {                             \
    using Plan = forensics::DecodePlan<forensics::Dims, nf4, batch>;                              \
    extern __shared__ __align__(1024) uint4 dynamic_shared[];                                     \
    __shared__ forensics::DecodeScratch<Plan> scratch;                                            \
    forensics::LayersKernel<Plan>(args, scratch, forensics::SharedAddress(dynamic_shared)).Run(); \
  }

}  // namespace forensics
