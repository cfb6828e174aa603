// All layers of one decode step in one kernel, one block an SM. Blocks hand results to each other
// in tagged words (tagged.cuh) instead of meeting at barriers, and every phase's weights are on
// their way to shared memory before the phase that needs them: each thread copies the words that it
// will multiply itself, so that a copy needs no barrier either.
//
// A result's place is used again in the next layer. It is safe to: every block has, in every layer,
// a unit of gate_up or a tile of down, on which everything in the next layer depends, and waits
// only for results of which it makes something that the layer needs, before it makes it.
//
//   phase            work of a block                  copies started once it is done with
//   0 qkv            norm; up to 3 units
//   1 scores, values blocks of 192 keys               the next layer's qkv
//   2 combination    query heads
//   3 o_proj         1 row tile
//   4 router         norm; 1 expert
//   5 gate_up        choice of experts; units         before: gate_up, down. After: the next
//                                                     layer's keys and values
//   6 down           1 row tile of all experts        the next layer's o_proj
//
// The phases' arithmetic is stated in their headers; none depends on the grid or the batch.
#pragma once

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
    const Place at;
    FetchAddresses(0);
    __syncthreads();
    StageQkv<P>(Layer(0).qkv, blockIdx.x, region_b_, at);
    EndCopyGroup();
    StageKeysAndValues(0);
    StageNextOProj(0);
    for (int layer = 0; layer < args_.layer_count; ++layer) RunLayer(layer);
    LetNextKernelStart();
  }

 private:
  __device__ __forceinline__ Attention<P> MakeAttention(int layer) const {
    return {args_, scratch_, region_a_, region_a_ + P::kKeyBytes, position_, Tag(layer)};
  }

  // Of what a layer's phases make.
  __device__ __forceinline__ unsigned Tag(int layer) const { return TagOf(step_, layer + 1); }

  __device__ __forceinline__ const DecodeLayerAddresses& Layer(int layer) const {
    return scratch_.layers[layer % 2];
  }

  // Copies a layer's addresses to scratch; to be seen after the next barrier.
  __device__ __forceinline__ void FetchAddresses(int layer) {
    constexpr int kWords = sizeof(DecodeLayerAddresses) / 8;
    if (layer >= args_.layer_count || threadIdx.x >= kWords) return;
    reinterpret_cast<long long*>(&scratch_.layers[layer % 2])[threadIdx.x] =
        __ldg(reinterpret_cast<const long long*>(args_.layers + layer) + threadIdx.x);
  }

  __device__ __forceinline__ void StageKeysAndValues(int layer) {
    const Attention<P> attention = MakeAttention(layer);
    if (layer < args_.layer_count && static_cast<int>(blockIdx.x) < attention.Units()) {
      const KeyBlock unit(blockIdx.x, P::D::kKvHeads, attention.Active());
      attention.StageRows(Layer(layer).keys, unit, attention.keys);
      EndCopyGroup();
      attention.StageRows(Layer(layer).values, unit, attention.values);
    } else {
      EndCopyGroup();
    }
    EndCopyGroup();
  }

  __device__ __forceinline__ void StageNextOProj(int layer) {
    const Place at;
    if (layer < args_.layer_count) StageOProj<P>(Layer(layer).o_proj, blockIdx.x, region_c_, at);
    EndCopyGroup();
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
    StartNextQkv(layer);
    Begin(layer, 2);
    MakeAttention(layer).Combine();
    RunOProj(layer);
    unsigned x[16];
    RunRouter(layer, x);
    RunExperts(layer, x);
  }

  // ---- Phases ----------------------------------------------------------------------------------

  __device__ __forceinline__ void RunQkv(int layer) {
    const Place at;
    constexpr int kParts = P::Qkv::kParts;
    FetchAddresses(layer + 1);
    const uint2 weight = LoadFourColumns<P::D::kHidden>(Layer(layer).input_norm, at);
    MakeTable<P>(Layer(layer).qkv, scratch_.qkv_table);
    WaitCopies<3>();  // but keys, values, o_proj
    Begin(layer, 0);
    if (blockIdx.x >= P::Qkv::kUnits) return;
    unsigned x[16] = {};
    NormaliseBatch(args_.input, Tag(layer) - 1, weight, SharedAddress(scratch_.normalised),
                   at.warp % kParts, at, x, [](const Rows&, int) { __syncthreads(); });
    __syncthreads();  // partial sums lie where the rows did
    MultiplyQkv<P>(args_, scratch_, x, blockIdx.x, region_b_, Tag(layer), at);
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
    WaitCopies<1>();  // but o_proj
    Begin(layer, 1);
    for (int i = blockIdx.x; i < attention.Units(); i += gridDim.x) {
      const KeyBlock unit(i, P::D::kKvHeads, attention.Active());
      const int next = i + gridDim.x;
      const KeyBlock following(next, P::D::kKvHeads, attention.Active());
      const bool has_next = next < attention.Units();
      if (i != static_cast<int>(blockIdx.x)) {
        WaitCopies<0>();
        __syncthreads();
      }
      attention.PrepareHeads(Layer(layer), unit, constants);
      attention.FlashBlock(unit, [&] {
        if (has_next) attention.StageRows(Layer(layer).keys, following, attention.keys);
        EndCopyGroup();
      });
      if (has_next) {
        __syncthreads();
        attention.StageRows(Layer(layer).values, following, attention.values);
      }
      EndCopyGroup();
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
    WaitCopies<0>();
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
    __syncthreads();
    attention.StageRows(Layer(layer).keys, unit, attention.keys);
    attention.StageRows(Layer(layer).values, unit, attention.values);
    EndCopyGroup();
    WaitCopies<0>();
    __syncthreads();
  }

  __device__ __forceinline__ void StartNextQkv(int layer) {
    const Place at;
    if (layer + 1 < args_.layer_count) {
      StageQkv<P>(Layer(layer + 1).qkv, blockIdx.x, region_b_, at);
    }
    EndCopyGroup();
  }

  __device__ __forceinline__ void RunOProj(int layer) {
    const Place at;
    MakeTable<P>(Layer(layer).o_proj, scratch_.o_proj_table);
    WaitCopies<1>();  // but the next layer's qkv
    Begin(layer, 3);
    MultiplyOProj<P>(args_, scratch_, blockIdx.x, region_c_, region_a_, Tag(layer), at);
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
    Begin(layer, 5);
    RouteTokens<P>(args_, scratch_, weights, Tag(layer), at);
#pragma unroll
    for (int i = 0; i < P::kGateUpSlots; ++i) {
      StageGateUp<P>(weights.gate_up, scratch_, blockIdx.x + i * gridDim.x,
                     region_a_ + i * P::kGateUpBytes + at.warp * 2 * P::kCell, at);
    }
    StageDown<P>(weights.down, scratch_, blockIdx.x, 0, region_c_, at);
    MultiplyGateUp<P>(args_, scratch_, weights.gate_up, x, region_a_, Tag(layer), at);
    __syncthreads();
    if constexpr (P::kBatch == 1) {
      StageKeysAndValues(layer + 1);
    } else if constexpr (P::kDownBuffers > 1) {
      StageDown<P>(weights.down, scratch_, blockIdx.x, 1, DownBuffer(1), at);
    }
    MakeTable<P>(weights.down, scratch_.down_table);
    Begin(layer, 6);
    RunDown(layer, weights);
    __syncthreads();
    if constexpr (P::kBatch > 1) StageKeysAndValues(layer + 1);
    StageNextOProj(layer + 1);
  }

  __device__ __forceinline__ unsigned DownBuffer(int round) const {
    return round % P::kDownBuffers == 0 ? region_c_ : region_a_ + P::kInnerBytes;
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
    WaitCopies<P::kBatch == 1 ? 2 : P::kDownBuffers - 1>();
    __syncthreads();
    for (int round = 0; round * P::kRound < ChosenCount<P>(scratch_); ++round) {
      if (round > 0) {
        WaitCopies<P::kDownBuffers - 1>();
        __syncwarp();
      }
      MultiplyDown<P>(args_, scratch_, round, DownBuffer(round), inner, at);
      if constexpr (P::kBatch > 1) {
        StageDown<P>(weights.down, scratch_, tile, round + P::kDownBuffers, DownBuffer(round), at);
      }
    }
    FinishDown<P>(args_, scratch_, weights, tile, before, Tag(layer), at);
  }

  const DecodeArguments& args_;
  DecodeScratch<P>& scratch_;
  GridBarrier barrier_;
  const unsigned region_a_, region_b_, region_c_;  // shared memory, see DecodePlan
  const int position_;
  const unsigned step_;
};

// One kernel for `Dims`, `nf4` and up to `batch` rows.
#define FORENSICS_DECODE_LAYERS(name, Dims, nf4, batch)                                           \
  extern "C" __global__ void __launch_bounds__(forensics::kThreads, 1)                            \
      name(const __grid_constant__ forensics::DecodeArguments args) {                             \
    using Plan = forensics::DecodePlan<forensics::Dims, nf4, batch>;                              \
    extern __shared__ uint4 dynamic_shared[];                                                     \
    __shared__ forensics::DecodeScratch<Plan> scratch;                                            \
    forensics::LayersKernel<Plan>(args, scratch, forensics::SharedAddress(dynamic_shared)).Run(); \
  }

}  // namespace forensics
