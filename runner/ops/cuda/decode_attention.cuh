// Attention phases of the layers' kernel: one token a sequence against the cache, in key blocks of
// kKeyBlock = 192 positions, whatever batch, capacity and grid.
//
// Arithmetic.
//   Heads: of queries and the new key: RMSNorm over head_dim: lane l (of head_dim / 4) has elements
//   2 l, 2 l + 1 and these plus head_dim / 2; a chain of fused multiply-adds of x * x from zero in
//   this order; then WarpSum. scale = rsqrt.approx(sum * (1 / head_dim) + eps); y = bf16(bf16(x *
//   scale) * weight). Rotation: low = bf16(bf16(y_low * cos) - bf16(y_high * sin)), high =
//   bf16(bf16(y_high * cos) + bf16(y_low * sin)).
//   Scores: two chains of mma.m16n8k16 from zero over head_dim, 16 dimensions each, even and odd
//   ones; score = even + odd.
//   flash: t = score * f32(f32(log2(e)) * f32(1 / sqrt(head_dim))); largest of the block's; weight
//   = ex2.approx(t - largest), zero behind the position. The sum of weights: of 16 keys, the lane q
//   has keys 2 q, 2 q + 1, 8 + 2 q, 9 + 2 q, added in this order; + lane q ^ 1's; + lane q ^ 2's;
//   the 12 sixteens added in order. Weights rounded to bfloat16 times values: two chains of mma
//   from zero over the keys, 16 each, even and odd ones; even + odd.
//   Combination: warp w (of 16) has blocks w, w + 16, ..., four at a time. Of four: m = the largest
//   of their largest and of m before; the warp's sums are multiplied by ex2.approx(m before - m)
//   (nothing at the first four), then take in factor * partial, fused, in order of blocks, factor =
//   ex2.approx(largest - m); likewise the total. M = the largest of the warps' m; the output is the
//   sum of ex2.approx(m_w - M) * sums_w, fused, in order of w from zero, times rcp.approx(the same
//   sum of the totals), rounded to bfloat16.
//   eager: score' = bf16(bf16(score) * f32(1 / sqrt(head_dim))); e = ex2.approx(f32((score' -
//   largest of all) * f32(log2(e)))), summed in a block as flash's weights, the blocks' sums added
//   in ascending order from zero; weight = bf16(f32(e * rcp.approx(sum))). Values as above; blocks
//   as above with every factor 1, and not divided.
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/decode_projection.cuh"
#include "runner/ops/cuda/decode_scratch.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/warp.cuh"

namespace forensics {

constexpr float kLog2E = 1.4426950408889634f;

template <typename P>
struct Attention {
  using D = typename P::D;
  static constexpr int kDim = D::kHeadDim;
  static constexpr int kChunks = kDim / 8;  // of 16 bytes, a row of the cache
  static constexpr int kHalfLanes = kDim / 4;
  static constexpr int kSixteens = kKeyBlock / 16;
  static constexpr int kQueryStride = kDim + 8;
  static constexpr int kWeightStride = kKeyBlock + 8;

  const DecodeArguments& args;
  DecodeScratch<P>& scratch;
  const unsigned keys, values;  // shared memory, boxes [head_dim / kBox, kKeyBlock, kBox], swizzled
  const int position;
  const unsigned tag;
  const Place at = {};

  static constexpr int kBox = BoxElements(kDim);
  static constexpr int kBoxChunks = kBox / 8;

  // Of a chunk of eight elements, as the copy engine permutes them.
  static __device__ __forceinline__ unsigned ChunkOffset(int key, int chunk) {
    const int swizzle = kBox == 64 ? key % 8 : key / 2 % 4;
    return (chunk / kBoxChunks * kKeyBlock + key) * kBox * 2 + (chunk % kBoxChunks ^ swizzle) * 16;
  }

  __device__ __forceinline__ int Active() const { return position / kKeyBlock + 1; }
  __device__ __forceinline__ int Units() const { return args.batch * D::kKvHeads * Active(); }

  // By one thread: starts the copy of a block's rows, also those from `position` on.
  __device__ __forceinline__ void StageRows(const void* map, KeyBlock unit, unsigned to,
                                            unsigned barrier) const {
    static_assert(kBox == 64 || kDim == kBox, "see the swizzle");
    const int row =
        (unit.sequence * D::kKvHeads + unit.head) * args.capacity + unit.block * kKeyBlock;
    BeginCopies(barrier, P::kKeyBytes);
#pragma unroll
    for (int box = 0; box < kDim / kBox; ++box) {
      BulkCopyBox(to + box * kKeyBlock * kBox * 2, map, box * kBox, row, barrier);
    }
    EndCopies(barrier);
  }

  // ---- Heads -----------------------------------------------------------------------------------

  // What a warp needs to normalise and rotate heads of the token.
  struct HeadConstants {
    unsigned low, high;  // norm weights, pairs
    float cos[2], sin[2];
  };
  static constexpr int kKeyWarp = 8, kValueWarp = 9;  // queries: warps 0 to group - 1

  __device__ __forceinline__ HeadConstants
  LoadHeadConstants(const DecodeLayerAddresses& layer) const {
    HeadConstants constants = {};
    if (at.lane >= kHalfLanes) return constants;
    const unsigned short* norm = at.warp < P::kGroup ? layer.query_norm : layer.key_norm;
    const auto pair = [&](int i) { return __ldg(reinterpret_cast<const unsigned*>(norm + i)); };
    constants.low = pair(2 * at.lane);
    constants.high = pair(kDim / 2 + 2 * at.lane);
    const int angle = position * (kDim / 2) + 2 * at.lane;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      constants.cos[i] = __ldg(args.cos + angle + i);
      constants.sin[i] = __ldg(args.sin + angle + i);
    }
    return constants;
  }

  // The elements that this lane has of `head` [head_dim], once they are there.
  __device__ __forceinline__ void LoadHead(const unsigned* head, unsigned& low,
                                           unsigned& high) const {
    const int lane = at.lane % kHalfLanes;  // the others repeat
    UntilRight([&] {
      const uint2 a = LoadRelaxed8(head + 2 * lane);
      const uint2 b = LoadRelaxed8(head + kDim / 2 + 2 * lane);
      low = PairOf(a.x, a.y), high = PairOf(b.x, b.y);
      return ((Mismatch(a.x, tag) | Mismatch(a.y, tag) | Mismatch(b.x, tag) | Mismatch(b.y, tag)) >>
              16) == 0;
    });
    if (at.lane >= kHalfLanes) low = high = 0;
  }

  // This warp's head `from` [head_dim], normalised and rotated: elements 2 lane, 2 lane + 1 in low,
  // these plus head_dim / 2 in high.
  __device__ __forceinline__ void TurnHead(const unsigned* from, const HeadConstants& constants,
                                           unsigned& low, unsigned& high) const {
    LoadHead(from, low, high);
    float squares = LowOf(low) * LowOf(low);
    squares = fmaf(HighOf(low), HighOf(low), squares);
    squares = fmaf(LowOf(high), LowOf(high), squares);
    squares = fmaf(HighOf(high), HighOf(high), squares);
    const float scale = ReciprocalSqrt(WarpSum(squares) * (1.0f / kDim) + args.eps);
    const auto normalise = [&](unsigned x, unsigned weight) {
      const unsigned normal = PackBf16(LowOf(x) * scale, HighOf(x) * scale);
      return PackBf16(LowOf(normal) * LowOf(weight), HighOf(normal) * HighOf(weight));
    };
    const unsigned a = normalise(low, constants.low), b = normalise(high, constants.high);
    low =
        PackBf16(RoundBf16(LowOf(a) * constants.cos[0]) - RoundBf16(LowOf(b) * constants.sin[0]),
                 RoundBf16(HighOf(a) * constants.cos[1]) - RoundBf16(HighOf(b) * constants.sin[1]));
    high =
        PackBf16(RoundBf16(LowOf(b) * constants.cos[0]) + RoundBf16(LowOf(a) * constants.sin[0]),
                 RoundBf16(HighOf(b) * constants.cos[1]) + RoundBf16(HighOf(a) * constants.sin[1]));
  }

  // Elements 2 lane and the like of row `key` of a staged block.
  __device__ __forceinline__ void StoreStagedRow(unsigned to, int key, unsigned low,
                                                 unsigned high) const {
    const int word = at.lane % 4 * 4;
    StoreShared32(to + ChunkOffset(key, at.lane / 4) + word, low);
    StoreShared32(to + ChunkOffset(key, kChunks / 2 + at.lane / 4) + word, high);
  }

  // By all threads, once the block is staged: the queries to scratch; the token's key and value to
  // the cache and among the staged rows, if the position is in this block.
  __device__ __forceinline__ void PrepareHeads(const DecodeLayerAddresses& layer, KeyBlock unit,
                                               const HeadConstants& constants) const {
    const unsigned* qkv = args.qkv + unit.sequence * P::kQkvRows;
    const bool has_position = unit.block == position / kKeyBlock;
    const int row = position % kKeyBlock;
    const long long place =
        (static_cast<long long>(unit.sequence * D::kKvHeads + unit.head) * args.capacity +
         position) *
        kDim;
    unsigned low, high;
    if (at.warp < P::kGroup) {
      TurnHead(qkv + (unit.head * P::kGroup + at.warp) * kDim, constants, low, high);
      if (at.lane < kHalfLanes) StorePair(scratch.attention.queries[at.warp], low, high);
    } else if (at.warp == kKeyWarp && has_position) {
      TurnHead(qkv + P::kAttended + unit.head * kDim, constants, low, high);
      if (at.lane < kHalfLanes) {
        StorePair(layer.keys + place, low, high);
        StoreStagedRow(keys, row, low, high);
      }
    } else if (at.warp == kValueWarp && has_position) {
      LoadHead(qkv + P::kAttended + (D::kKvHeads + unit.head) * kDim, low, high);
      if (at.lane < kHalfLanes) {
        StorePair(layer.values + place, low, high);
        StoreStagedRow(values, row, low, high);
      }
    }
    if (has_position && at.warp > kValueWarp) ClearRowsAfter(row);
    __syncthreads();
  }

  // Of the staged values: what no key is seen for must still be numbers.
  __device__ __forceinline__ void ClearRowsAfter(int row) const {
    const int first = (row + 1) * kChunks, step = (kWarps - kValueWarp - 1) * 32;
#pragma unroll 1
    for (int i = first + at.thread - (kValueWarp + 1) * 32; i < kKeyBlock * kChunks; i += step) {
      asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(
                       values + ChunkOffset(i / kChunks, i % kChunks)),
                   "r"(0)
                   : "memory");
    }
  }

  __device__ __forceinline__ void StorePair(unsigned short* head, unsigned low,
                                            unsigned high) const {
    *reinterpret_cast<unsigned*>(head + 2 * at.lane) = low;
    *reinterpret_cast<unsigned*>(head + kDim / 2 + 2 * at.lane) = high;
  }

  // ---- Products --------------------------------------------------------------------------------

  // Of the sixteen keys of this warp: scores[2 n + j] of query head g and key 8 n + 2 q + j.
  __device__ __forceinline__ void Score(float (&scores)[4]) const {
    float chains[2][2][4] = {};  // [even or odd][keys 0 to 7, 8 to 15]
    const unsigned queries =
        SharedAddress(&scratch.attention.queries[0][0]) + (at.g * kQueryStride + 2 * at.q) * 2;
    const int key = at.warp * 16 + at.lane / 16 * 8 + at.lane % 8;
#pragma unroll
    for (int k = 0; k < kDim / 16; ++k) {
      const bool is_query = at.g < P::kGroup;
      const unsigned a0 = is_query ? LoadShared32(queries + k * 32) : 0;
      const unsigned a2 = is_query ? LoadShared32(queries + k * 32 + 16) : 0;
      unsigned b[4];
      LoadMatrices(keys + ChunkOffset(key, 2 * k + at.lane / 8 % 2), b);
      Mma(chains[k % 2][0], a0, 0, a2, 0, b[0], b[1]);
      Mma(chains[k % 2][1], a0, 0, a2, 0, b[2], b[3]);
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) scores[i] = chains[0][i / 2][i % 2] + chains[1][i / 2][i % 2];
  }

  __device__ __forceinline__ int KeyOf(int i) const {
    return at.warp * 16 + i / 2 * 8 + 2 * at.q + i % 2;
  }
  __device__ __forceinline__ bool Sees(KeyBlock unit, int i) const {
    return unit.block * kKeyBlock + KeyOf(i) <= position;
  }

  // By the warps that have keys: the largest of scores that are seen, by head, to scratch.
  __device__ __forceinline__ void ShareLargest(KeyBlock unit, const float (&scores)[4]) const {
    float largest = kNone;
#pragma unroll
    for (int i = 0; i < 4; ++i) largest = Sees(unit, i) ? fmaxf(largest, scores[i]) : largest;
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, 2));
    if (at.q == 0) scratch.attention.largest[at.warp][at.g] = largest;
  }
  __device__ __forceinline__ float LargestOf(int head) const {
    float largest = scratch.attention.largest[0][head];
#pragma unroll
    for (int s = 1; s < kSixteens; ++s) {
      largest = fmaxf(largest, scratch.attention.largest[s][head]);
    }
    return largest;
  }
  __device__ __forceinline__ float TotalOf(int head) const {
    float total = scratch.attention.totals[0][head];
#pragma unroll
    for (int s = 1; s < kSixteens; ++s) total += scratch.attention.totals[s][head];
    return total;
  }

  __device__ __forceinline__ void ShareTotal(const float (&weights)[4]) const {
    const float total = SumOverQ(((weights[0] + weights[1]) + weights[2]) + weights[3]);
    if (at.q == 0) scratch.attention.totals[at.warp][at.g] = total;
  }
  __device__ __forceinline__ void ShareWeights(const float (&weights)[4]) const {
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      *reinterpret_cast<unsigned*>(&scratch.attention.weights[at.g][KeyOf(2 * n)]) =
          PackBf16(weights[2 * n], weights[2 * n + 1]);
    }
  }

  // Place of a block's results: of its head g they are `group` floats, and head_dim each.
  __device__ __forceinline__ long long Slot(KeyBlock unit) const {
    return static_cast<long long>(unit.sequence * D::kKvHeads + unit.head) * args.key_blocks +
           unit.block;
  }

  // By all threads: the weights in scratch times the staged values, to args.partial.
  __device__ __forceinline__ void WeighValues(KeyBlock unit) const {
    if (at.warp >= kChunks) return;
    float chains[2][4] = {};
    const unsigned weights =
        SharedAddress(&scratch.attention.weights[0][0]) + (at.g * kWeightStride + 2 * at.q) * 2;
#pragma unroll
    for (int k = 0; k < kSixteens; k += 2) {
      unsigned b[4];
      LoadMatricesTransposed(values + ChunkOffset(k * 16 + at.lane, at.warp), b);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const unsigned a0 = LoadShared32(weights + (k + i) * 32);
        const unsigned a2 = LoadShared32(weights + (k + i) * 32 + 16);
        Mma(chains[i], a0, 0, a2, 0, b[2 * i], b[2 * i + 1]);
      }
    }
    if (at.g >= P::kGroup) return;
    StoreTagged(PartialPlace(Slot(unit), at.g, at.warp * 8 + 2 * at.q), chains[0][0] + chains[1][0],
                chains[0][1] + chains[1][1], tag);
  }

  // Two tagged words of args.partial: those of dimensions d and d + 1, d even.
  __device__ __forceinline__ uint4* PartialPlace(long long slot, int head, int d) const {
    return reinterpret_cast<uint4*>(args.partial) + ((slot * P::kGroup + head) * kDim + d) / 2;
  }
  // The two tagged words, largest and total, of a block's head.
  __device__ __forceinline__ uint4* StatsPlace(long long slot, int head) const {
    return reinterpret_cast<uint4*>(args.block_stats) + slot * P::kGroup + head;
  }

  static constexpr float kNone = -3.0e38f;

  // ---- flash -----------------------------------------------------------------------------------

  // By all threads: one staged block with its heads prepared. Keys are free for other use when
  // `after_scores` is called, values when the next barrier is passed.
  template <typename AfterScores>
  __device__ __forceinline__ void FlashBlock(KeyBlock unit, AfterScores after_scores) const {
    constexpr float kScale = kLog2E * kScoreScale;
    float scores[4] = {0, 0, 0, 0};
    if (at.warp < kSixteens) {
      Score(scores);
#pragma unroll
      for (float& score : scores) score *= kScale;
      ShareLargest(unit, scores);
    }
    __syncthreads();
    after_scores();
    if (at.warp < kSixteens) {
      const float largest = LargestOf(at.g);
#pragma unroll
      for (int i = 0; i < 4; ++i) scores[i] = Sees(unit, i) ? Exp2(scores[i] - largest) : 0.0f;
      ShareTotal(scores);
      ShareWeights(scores);
    }
    __syncthreads();
    WeighValues(unit);
    if (at.warp == kWarps - 1 && at.lane < P::kGroup) {
      StoreTagged(StatsPlace(Slot(unit), at.lane), LargestOf(at.lane), TotalOf(at.lane), tag);
    }
  }

  // ---- eager -----------------------------------------------------------------------------------

  static_assert(kDim == 128 || kDim == 32, "another head_dim needs its 1 / sqrt(head_dim) here");
  static constexpr float kScoreScale = kDim == 128 ? 0.088388347648318447f : 0.17677669529663687f;

  // This lane's scores in args.scores: four of head g.
  __device__ __forceinline__ unsigned short* ScorePlace(KeyBlock unit, int i) const {
    const int head = unit.head * P::kGroup + at.g;
    return args.scores +
           (static_cast<long long>(unit.sequence * D::kHeads + head) * args.key_blocks +
            unit.block) *
               kKeyBlock +
           KeyOf(i);
  }

  // First pass: rounded scores and the block's largest.
  __device__ __forceinline__ void EagerScores(KeyBlock unit) const {
    if (at.warp < kSixteens) {
      float scores[4];
      Score(scores);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        scores[i] = RoundBf16(RoundBf16(scores[i]) * kScoreScale);
        if (at.g < P::kGroup) *ScorePlace(unit, i) = ToBf16(scores[i]);
      }
      ShareLargest(unit, scores);
    }
    __syncthreads();
    if (at.thread < P::kGroup) {
      args.largest[Slot(unit) * P::kGroup + at.thread] = LargestOf(at.thread);
    }
  }

  // exp(score - largest of all blocks) of this lane's keys; zero where not seen.
  __device__ __forceinline__ void EagerExponentials(KeyBlock unit, float (&weights)[4]) const {
    const int head = at.g < P::kGroup ? at.g : 0;
    const float* all = args.largest + (Slot(unit) - unit.block) * P::kGroup + head;
    float largest = kNone;

#pragma unroll 1
    for (int b = 0; b < Active(); ++b) largest = fmaxf(largest, __ldcg(all + b * P::kGroup));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const bool counts = at.g < P::kGroup && Sees(unit, i);
      weights[i] = counts ? Exp(Widen(__ldcg(ScorePlace(unit, i))) - largest) : 0.0f;
    }
  }

  // Second pass: the block's sum of exponentials.
  __device__ __forceinline__ void EagerTotals(KeyBlock unit) const {
    __syncthreads();  // of an earlier block's sums
    if (at.warp < kSixteens) {
      float weights[4];
      EagerExponentials(unit, weights);
      ShareTotal(weights);
    }
    __syncthreads();
    if (at.thread < P::kGroup) {
      args.totals[Slot(unit) * P::kGroup + at.thread] = TotalOf(at.thread);
    }
  }

  // Third pass: weights and values, staged.
  __device__ __forceinline__ void EagerValues(KeyBlock unit) const {
    if (at.warp < kSixteens) {
      float weights[4];
      EagerExponentials(unit, weights);
      const int head = at.g < P::kGroup ? at.g : 0;
      const float* totals = args.totals + (Slot(unit) - unit.block) * P::kGroup + head;
      float total = 0;

#pragma unroll 1
      for (int b = 0; b < Active(); ++b) total += __ldcg(totals + b * P::kGroup);
      const float inverse = Reciprocal(total);
#pragma unroll
      for (float& weight : weights) weight *= inverse;
      ShareWeights(weights);
    }
    __syncthreads();
    WeighValues(unit);
    if (at.warp == kWarps - 1 && at.lane < P::kGroup) {
      StoreTagged(StatsPlace(Slot(unit), at.lane), 0.0f, 0.0f, tag);
    }
  }

  // ---- Blocks together -------------------------------------------------------------------------

  // By all threads: the output of query heads blockIdx.x, + gridDim.x and so on, to args.attended.
  __device__ __forceinline__ void Combine() const {
#pragma unroll 1
    for (int item = blockIdx.x; item < args.batch * D::kHeads; item += gridDim.x) {
      const int kv_head = item / P::kGroup, head = item % P::kGroup;  // over all sequences
      CombineHead(static_cast<long long>(kv_head) * args.key_blocks, head,
                  args.attended + item * kDim);
      __syncthreads();
    }
  }

  // A lane has kPairs pairs of dimensions of a partial output; where those are too few, lanes
  // repeat.
  static constexpr int kPairs = kDim >= 64 ? kDim / 64 : 1;
  static constexpr int kAtOnce = 4;  // blocks a warp has in flight

  __device__ __forceinline__ int DimensionOf(int i) const {
    return (at.lane * kPairs + i) * 2 % kDim;
  }

  // A warp's part of an output.
  struct Sums {
    float2 values[kPairs];
    float largest, total;
  };

  // Takes blocks first_block, + 16, + 32 and + 48 in, as many as there are, once they are there.
  __device__ __forceinline__ void TakeIn(long long first, int first_block, int head,
                                         Sums& sums) const {
    uint4 values[kAtOnce][kPairs], stats[kAtOnce];
    const int active = Active();
    const int blocks = Smaller(kAtOnce, (active - first_block + kWarps - 1) / kWarps);
    UntilRight([&] {
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        if (j >= blocks) break;
        const long long slot = first + first_block + j * kWarps;
        stats[j] = LoadRelaxed(StatsPlace(slot, head));
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
          values[j][i] = LoadRelaxed(PartialPlace(slot, head, DimensionOf(i)));
        }
      }
      unsigned mismatch = 0;
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) {
        if (j >= blocks) break;
        mismatch |= FloatMismatch(stats[j], tag);
#pragma unroll
        for (int i = 0; i < kPairs; ++i) mismatch |= FloatMismatch(values[j][i], tag);
      }
      return mismatch == 0;
    });
    float largest = sums.largest;
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) {
      if (j < blocks) largest = fmaxf(largest, __uint_as_float(stats[j].x));
    }
    const float before = Exp2(sums.largest - largest);
    sums.largest = largest;
    sums.total *= before;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) sums.values[i].x *= before, sums.values[i].y *= before;
#pragma unroll
    for (int j = 0; j < kAtOnce; ++j) {
      if (j >= blocks) break;
      const float factor = Exp2(__uint_as_float(stats[j].x) - largest);
      sums.total = fmaf(factor, __uint_as_float(stats[j].z), sums.total);
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        float2& sum = sums.values[i];
        sum.x = fmaf(factor, __uint_as_float(values[j][i].x), sum.x);
        sum.y = fmaf(factor, __uint_as_float(values[j][i].z), sum.y);
      }
    }
  }

  // The output of one head of one sequence, whose first block's results are at `first`. Eager
  // blocks have largest 0 and total 0.
  __device__ __forceinline__ void CombineHead(long long first, int head, unsigned* out) const {
    Sums sums = {};
    sums.largest = args.eager ? 0.0f : kNone;
#pragma unroll 1
    for (int b = at.warp; b < Active(); b += kAtOnce * kWarps) TakeIn(first, b, head, sums);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      *reinterpret_cast<float2*>(&scratch.combine.values[at.warp][DimensionOf(i)]) = sums.values[i];
    }
    if (at.lane == 0) {
      scratch.combine.largest[at.warp] = sums.largest;
      scratch.combine.totals[at.warp] = sums.total;
    }
    __syncthreads();
    if (at.thread >= kDim) return;
    float most = scratch.combine.largest[0];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) most = fmaxf(most, scratch.combine.largest[w]);
    float sum = 0, total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float factor = Exp2(scratch.combine.largest[w] - most);
      sum = fmaf(factor, scratch.combine.values[w][at.thread], sum);
      total = fmaf(factor, scratch.combine.totals[w], total);
    }
    StoreTagged(out + at.thread, ToBf16(args.eager ? sum : sum * Reciprocal(total)), tag);
  }
};

}  // namespace forensics
