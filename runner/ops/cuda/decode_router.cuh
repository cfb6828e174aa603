// The router phase of the layers' kernel, and the choice of experts, which every block makes anew.
//
// Arithmetic.
//   Logits: a thread has the columns that it has in RMSNorm (decode_projection.cuh): a chain of
//   fused multiply-adds of x * weight, columns ascending, from the first's product; WarpSum; the
//   warps' sums added in ascending order from the first's; rounded to bfloat16. Choice: the largest
//   logits, ties (and +0, -0) by lower id, which is the order of their probabilities. e =
//   ex2.approx(f32((logit - largest) * f32(log2(e)))). With `normalise` the sum is WarpSum over the
//   slots' e (lane s has slot s's), else over all experts' (lane l adds those of experts n l to n l
//   + n - 1, n = experts / 32 or 1, in order from zero, then WarpSum). Weight = bf16(f32(e *
//   rcp.approx(sum))).
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/decode_projection.cuh"
#include "runner/ops/cuda/decode_scratch.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/warp.cuh"

namespace forensics {

// Logits of expert blockIdx.x, + gridDim.x and so on, of the normalised rows, to args.router_logits
// as tokens first_token and following. weights: this thread's columns of the first one's row. Meets
// all threads at least once.
template <typename P, typename Rows>
__device__ __forceinline__ void RouterLogits(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                             const unsigned short* router, const Rows& rows,
                                             int first_token, uint2 weights, unsigned tag,
                                             const Place& at) {
  constexpr int kHidden = P::D::kHidden;
  int expert = blockIdx.x;
  do {
    if (expert != static_cast<int>(blockIdx.x)) {
      weights = LoadFourColumns<kHidden>(router + expert * kHidden, at);
      __syncthreads();
    }
    SumRows<Rows, kHidden>(scratch.dots, at, [&](int i) {
      const uint2 x = rows.pairs[i];
      float sum = LowOf(x.x) * LowOf(weights.x);
      sum = fmaf(HighOf(x.x), HighOf(weights.x), sum);
      sum = fmaf(LowOf(x.y), LowOf(weights.y), sum);
      return fmaf(HighOf(x.y), HighOf(weights.y), sum);
    });
    __syncthreads();
    const int token = first_token + at.thread;
    if (at.thread < Rows::kVectors * 4 / kHidden && token < args.batch && expert < P::D::kExperts) {
      StoreTagged(args.router_logits + token * P::D::kExperts + expert,
                  ToBf16(RowSum<kHidden>(scratch.dots, at.thread)), tag);
    }
    expert += gridDim.x;
  } while (expert < P::D::kExperts);
}

// A logit and its expert as one integer in the order of choice; never zero.
__device__ __forceinline__ unsigned ChoiceKey(unsigned short logit, int expert) {
  const unsigned bits = logit == 0x8000 ? 0 : logit;
  const unsigned ordered = bits & 0x8000 ? ~bits & 0xffff : bits | 0x8000;
  return ordered << 16 | (0xffff - expert);
}
__device__ __forceinline__ int ExpertOf(unsigned key) { return 0xffff - (key & 0xffff); }
__device__ __forceinline__ float LogitOf(unsigned key) {
  const unsigned ordered = key >> 16;
  return Widen(static_cast<unsigned short>(ordered & 0x8000 ? ordered & 0x7fff : ~ordered));
}

__device__ __forceinline__ void SortPair(unsigned& larger, unsigned& smaller) {
  const unsigned a = larger, b = smaller;
  larger = max(a, b);
  smaller = min(a, b);
}

// By one warp: the choice for `token`, to scratch.
template <typename P>
__device__ __forceinline__ void ChooseExperts(const DecodeArguments& args,
                                              DecodeScratch<P>& scratch, int token, unsigned tag,
                                              const Place& at) {
  constexpr int kSlots = P::D::kSlots;
  constexpr int kPerLane = P::D::kExperts >= 32 ? P::D::kExperts / 32 : 1;
  static_assert(kPerLane == 4 || kPerLane == 1, "see the sorting");
  const unsigned* logits = args.router_logits + token * P::D::kExperts;
  unsigned keys[4] = {0, 0, 0, 0};
  if constexpr (kPerLane == 4) {
    uint4 four;
    UntilRight([&] {
      four = LoadRelaxed(logits + 4 * at.lane);
      return Mismatch(four, tag) >> 16 == 0;
    });
    keys[0] = ChoiceKey(four.x & 0xffff, 4 * at.lane);
    keys[1] = ChoiceKey(four.y & 0xffff, 4 * at.lane + 1);
    keys[2] = ChoiceKey(four.z & 0xffff, 4 * at.lane + 2);
    keys[3] = ChoiceKey(four.w & 0xffff, 4 * at.lane + 3);
  } else {
    const bool is_expert = at.lane < P::D::kExperts;
    const unsigned word = LoadTaggedWord(logits + at.lane, is_expert, tag);
    if (is_expert) keys[0] = ChoiceKey(word & 0xffff, at.lane);
  }
  const unsigned unsorted[4] = {keys[0], keys[1], keys[2], keys[3]};
  if constexpr (kPerLane == 4) {
    SortPair(keys[0], keys[1]), SortPair(keys[2], keys[3]);
    SortPair(keys[0], keys[2]), SortPair(keys[1], keys[3]);
    SortPair(keys[1], keys[2]);
  }
  unsigned mine = 0, largest = 0;
#pragma unroll
  for (int slot = 0; slot < kSlots; ++slot) {
    const unsigned best = __reduce_max_sync(0xffffffffu, keys[0]);
    if (slot == 0) largest = best;
    if (at.lane == slot) mine = best;
    if (keys[0] == best) keys[0] = keys[1], keys[1] = keys[2], keys[2] = keys[3], keys[3] = 0;
  }
  const auto exponential = [&](unsigned key) {
    return key == 0 ? 0.0f : Exp(LogitOf(key) - LogitOf(largest));
  };
  const float e = exponential(mine);
  float sum = e;
  if (!args.normalise) {
    sum = 0;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) sum += exponential(unsorted[i]);
  }
  sum = WarpSum(sum);
  if (at.lane < kSlots) {
    scratch.ids[token][at.lane] = ExpertOf(mine);
    scratch.weights[token][at.lane] = RoundBf16(e * Reciprocal(sum));
  }
}

// By all threads: chooses for all tokens, and lists the experts that any of them chose: a single
// token's by slot, several tokens' by id. Leaves what an observer wants of the choice.
template <typename P>
__device__ __forceinline__ void RouteTokens(const DecodeArguments& args, DecodeScratch<P>& scratch,
                                            const DecodeLayerAddresses& layer, unsigned tag,
                                            const Place& at) {
  constexpr int kSlots = P::D::kSlots, kExperts = P::D::kExperts;
  if (at.warp < args.batch) ChooseExperts<P>(args, scratch, at.warp, tag, at);
  if constexpr (P::kBatch > 1) {
    for (int i = at.thread; i < kExperts * kMaxBatch; i += kThreads) {
      scratch.slot_of[i / kMaxBatch][i % kMaxBatch] = kNoSlot;
    }
    if (at.thread < 4) scratch.chosen[at.thread] = 0;
  }
  __syncthreads();
  const int token = at.thread / kSlots, slot = at.thread % kSlots;
  if (token < args.batch) {
    const int expert = scratch.ids[token][slot];
    if constexpr (P::kBatch > 1) {
      scratch.slot_of[expert][token] = static_cast<unsigned char>(slot);
      atomicOr(&scratch.chosen[expert / 32], 1u << expert % 32);
    }
    if (blockIdx.x == 0 && layer.expert_ids != nullptr) {
      layer.expert_ids[token * kSlots + slot] = expert;
      layer.expert_weights[token * kSlots + slot] = scratch.weights[token][slot];
    }
  }
  if constexpr (P::kBatch > 1) {
    __syncthreads();
    const int expert = at.thread;
    if (expert < kExperts) {
      int before = 0;
#pragma unroll
      for (int word = 0; word < 4; ++word) {
        const unsigned bits = scratch.chosen[word];
        if (word < expert / 32) before += __popc(bits);
        if (word == expert / 32) before += __popc(bits & ((1u << expert % 32) - 1));
      }
      if (scratch.chosen[expert / 32] >> expert % 32 & 1) scratch.list[before] = expert;
    }
    if (at.thread == 0) {
      scratch.count = __popc(scratch.chosen[0]) + __popc(scratch.chosen[1]) +
                      __popc(scratch.chosen[2]) + __popc(scratch.chosen[3]);
    }
    __syncthreads();
  }
}

// What RouteTokens listed.
template <typename P>
__device__ __forceinline__ int ChosenCount(const DecodeScratch<P>& scratch) {
  if constexpr (P::kBatch == 1) return P::D::kSlots;
  return scratch.count;
}
template <typename P>
__device__ __forceinline__ int ChosenExpert(const DecodeScratch<P>& scratch, int i) {
  if constexpr (P::kBatch == 1) return scratch.ids[0][i];
  return scratch.list[i];
}
// The slot in which `token` chose the i-th of them, or kNoSlot.
template <typename P>
__device__ __forceinline__ int SlotOf(const DecodeScratch<P>& scratch, int i, int token) {
  if constexpr (P::kBatch == 1) return i;
  return scratch.slot_of[ChosenExpert<P>(scratch, i)][token];
}

}  // namespace forensics
