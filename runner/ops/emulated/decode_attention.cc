#include "runner/ops/emulated/decode_attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/warp.h"
#include "runner/ops/tensor_core/product.h"
#include "runner/ops/tensor_core/special_functions.h"

namespace forensics::runner {
namespace {

constexpr int64_t kKeyBlock = 192;
constexpr int64_t kSixteen = 16;  // dimensions or keys of an instruction
constexpr int64_t kWarps = 16;
constexpr int64_t kAtOnce = 4;  // blocks that a warp of the combination takes in together
constexpr float kNone = -3.0e38f;
constexpr float kLog2E = 1.4426950408889634f;

// What a block of keys leaves of a query head.
struct BlockResult {
  float largest;
  float total;
  std::vector<float> values;  // [dim]
};

// Two chains of instructions of 16 k, even and odd ones, added: a [rows, depth] times b [columns,
// depth] transposed -> [rows, columns]. depth is a multiple of 16.
std::vector<float> TwoChains(const TensorCore& core, const uint16_t* a, int64_t rows,
                             const uint16_t* b, int64_t columns, int64_t depth) {
  const PackedColumns packed(core, InputFormat::kBfloat16, b, columns, depth, depth);
  const ChainProduct product(core, InputFormat::kBfloat16);
  std::vector<float> even(rows * columns), odd(rows * columns);
  for (int64_t k = 0; k < depth; k += kSixteen) {
    std::vector<float>& chain = k / kSixteen % 2 == 0 ? even : odd;
    product.Run(a, depth, rows, packed, 0, columns, k, k + kSixteen, chain.data(), columns);
  }
  for (size_t i = 0; i < even.size(); ++i) even[i] += odd[i];
  return even;
}

// The sum of a block's weights: sixteen keys by four lanes, then the sixteens in order.
float SumOfWeights(const float* weights) {
  float total = 0;
  for (int64_t s = 0; s < kKeyBlock; s += kSixteen) {
    std::array<float, 4> lanes;
    for (int64_t q = 0; q < 4; ++q) {
      const float* of_lane = weights + s + 2 * q;
      lanes[q] = ((of_lane[0] + of_lane[1]) + of_lane[8]) + of_lane[9];
    }
    const float sixteen = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    total = s == 0 ? sixteen : total + sixteen;
  }
  return total;
}

// The score's factor as the kernel's constant.
float ScoreScale(int64_t dim) { return dim == 128 ? 0.088388347648318447f : 0.17677669529663687f; }

// Zero from `seen` keys on.
struct StagedBlock {
  std::vector<uint16_t> keys;                 // [kKeyBlock, dim]
  std::vector<uint16_t> values_by_dimension;  // [dim, kKeyBlock]
  int64_t seen;
};

std::vector<StagedBlock> StageBlocks(const uint16_t* keys, const uint16_t* values, int64_t position,
                                     int64_t dim) {
  std::vector<StagedBlock> blocks;
  for (int64_t first = 0; first <= position; first += kKeyBlock) {
    const int64_t seen = std::min(kKeyBlock, position + 1 - first);
    StagedBlock block = {std::vector<uint16_t>(kKeyBlock * dim),
                         std::vector<uint16_t>(dim * kKeyBlock), seen};
    std::copy_n(keys + first * dim, seen * dim, block.keys.begin());
    for (int64_t key = 0; key < seen; ++key) {
      for (int64_t d = 0; d < dim; ++d) {
        block.values_by_dimension[d * kKeyBlock + key] = values[(first + key) * dim + d];
      }
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

using BlockRow = std::array<float, kKeyBlock>;  // a number for each key of a block

// The results of the heads for weights [group, kKeyBlock], float32; largest and total are left.
void WeighValues(const TensorCore& core, const StagedBlock& block,
                 const std::vector<BlockRow>& weights, int64_t dim,
                 std::vector<BlockResult>& results) {
  const int64_t group = static_cast<int64_t>(weights.size());
  std::vector<uint16_t> rounded(group * kKeyBlock);
  for (int64_t head = 0; head < group; ++head) {
    std::transform(weights[head].begin(), weights[head].end(), rounded.begin() + head * kKeyBlock,
                   ToBfloat16);
  }
  const std::vector<float> weighed =
      TwoChains(core, rounded.data(), group, block.values_by_dimension.data(), dim, kKeyBlock);
  for (int64_t head = 0; head < group; ++head) {
    results[head].values.assign(weighed.begin() + head * dim, weighed.begin() + (head + 1) * dim);
  }
}

std::vector<BlockResult> AttendFlash(const TensorCore& core, const uint16_t* queries, int64_t group,
                                     const StagedBlock& block, int64_t dim) {
  const float scale = kLog2E * ScoreScale(dim);
  const std::vector<float> scores =
      TwoChains(core, queries, group, block.keys.data(), kKeyBlock, dim);
  std::vector<BlockResult> results(group);
  std::vector<BlockRow> weights(group);
  for (int64_t head = 0; head < group; ++head) {
    BlockRow& row = weights[head];
    row.fill(0);
    float largest = kNone;
    for (int64_t key = 0; key < block.seen; ++key) {
      row[key] = scores[head * kKeyBlock + key] * scale;
      largest = std::fmax(largest, row[key]);
    }
    for (int64_t key = 0; key < block.seen; ++key) row[key] = ApproximateExp2(row[key] - largest);
    results[head].largest = largest;
    results[head].total = SumOfWeights(row.data());
  }
  WeighValues(core, block, weights, dim, results);
  return results;
}

// Turns a head's scores of all blocks into weights.
void EagerWeights(const std::vector<StagedBlock>& blocks, int64_t head, float scale,
                  std::vector<std::vector<BlockRow>>& rows) {
  float largest = kNone;
  for (size_t b = 0; b < blocks.size(); ++b) {
    for (int64_t key = 0; key < blocks[b].seen; ++key) {
      float& score = rows[b][head][key];
      score = Rounded(Rounded(score) * scale);
      largest = std::fmax(largest, score);
    }
  }
  float total = 0;
  for (size_t b = 0; b < blocks.size(); ++b) {
    BlockRow exponentials = {};
    for (int64_t key = 0; key < blocks[b].seen; ++key) {
      const float difference = rows[b][head][key] - largest;
      exponentials[key] = ApproximateExp2(difference * kLog2E);
    }
    rows[b][head] = exponentials;
    total += SumOfWeights(exponentials.data());
  }
  const float inverse = ApproximateReciprocal(total);
  for (std::vector<BlockRow>& block : rows) {
    for (float& weight : block[head]) weight *= inverse;
  }
}

// [block][head], with every factor 1 (2^0).
std::vector<std::vector<BlockResult>> AttendEager(const TensorCore& core, const uint16_t* queries,
                                                  int64_t group,
                                                  const std::vector<StagedBlock>& blocks,
                                                  int64_t dim) {
  std::vector<std::vector<BlockRow>> rows;  // [block][head]
  for (const StagedBlock& block : blocks) {
    const std::vector<float> scores =
        TwoChains(core, queries, group, block.keys.data(), kKeyBlock, dim);
    rows.emplace_back(group);
    for (int64_t head = 0; head < group; ++head) {
      std::copy_n(scores.begin() + head * kKeyBlock, kKeyBlock, rows.back()[head].begin());
    }
  }
  for (int64_t head = 0; head < group; ++head) EagerWeights(blocks, head, ScoreScale(dim), rows);
  std::vector<std::vector<BlockResult>> results;
  for (size_t b = 0; b < blocks.size(); ++b) {
    results.emplace_back(group, BlockResult{0, 0, {}});
    WeighValues(core, blocks[b], rows[b], dim, results.back());
  }
  return results;
}

// A warp's part of the combination: blocks warp, warp + 16, ..., four at a time.
BlockResult TakeIn(const std::vector<const BlockResult*>& blocks, int64_t warp, int64_t dim) {
  const int64_t count = static_cast<int64_t>(blocks.size());
  BlockResult sums = {kNone, 0, std::vector<float>(dim)};
  for (int64_t first = warp; first < count; first += kAtOnce * kWarps) {
    const int64_t end = std::min(count, first + kAtOnce * kWarps);
    float largest = sums.largest;
    for (int64_t b = first; b < end; b += kWarps) {
      largest = std::fmax(largest, blocks[b]->largest);
    }
    const float before = ApproximateExp2(sums.largest - largest);
    sums.largest = largest;
    sums.total *= before;
    for (float& value : sums.values) value *= before;
    for (int64_t b = first; b < end; b += kWarps) {
      const float factor = ApproximateExp2(blocks[b]->largest - largest);
      sums.total = std::fma(factor, blocks[b]->total, sums.total);
      for (int64_t d = 0; d < dim; ++d) {
        sums.values[d] = std::fma(factor, blocks[b]->values[d], sums.values[d]);
      }
    }
  }
  return sums;
}

// `divides`: by the total of the weights.
void Combine(const std::vector<const BlockResult*>& blocks, int64_t dim, bool divides,
             uint16_t* out) {
  std::vector<BlockResult> of_warp;
  float most = kNone;
  for (int64_t warp = 0; warp < kWarps; ++warp) {
    of_warp.push_back(TakeIn(blocks, warp, dim));
    most = std::fmax(most, of_warp.back().largest);
  }
  std::vector<float> sums(dim);
  float total = 0;
  for (const BlockResult& warp : of_warp) {
    const float factor = ApproximateExp2(warp.largest - most);
    total = std::fma(factor, warp.total, total);
    for (int64_t d = 0; d < dim; ++d) sums[d] = std::fma(factor, warp.values[d], sums[d]);
  }
  const float inverse = divides ? ApproximateReciprocal(total) : 1;
  for (int64_t d = 0; d < dim; ++d) out[d] = ToBfloat16(sums[d] * inverse);
}

}  // namespace

void TurnHeadTwin(const uint16_t* head, const uint16_t* weight, float eps, const float* cos,
                  const float* sin, int64_t dim, uint16_t* out) {
  const int64_t half = dim / 2;
  std::array<float, kWarp> lanes = {};
  for (int64_t lane = 0; lane < dim / 4; ++lane) {
    for (const int64_t i : {2 * lane, 2 * lane + 1, half + 2 * lane, half + 2 * lane + 1}) {
      const float x = Widen(head[i]);
      lanes[lane] = std::fma(x, x, lanes[lane]);
    }
  }
  const float scale =
      ApproximateReciprocalSqrt(WarpSum(lanes) * (1.0f / static_cast<float>(dim)) + eps);
  const auto normal = [&](int64_t i) {
    return Rounded(Rounded(Widen(head[i]) * scale) * Widen(weight[i]));
  };
  for (int64_t i = 0; i < half; ++i) {
    const float low = normal(i), high = normal(half + i);
    out[i] = ToBfloat16(Rounded(low * cos[i]) - Rounded(high * sin[i]));
    out[half + i] = ToBfloat16(Rounded(high * cos[i]) + Rounded(low * sin[i]));
  }
}

void DecodeAttentionTwin(const TensorCore& core, EmulatedAttention attention,
                         const uint16_t* queries, int64_t group, const uint16_t* keys,
                         const uint16_t* values, int64_t position, int64_t dim, uint16_t* out) {
  const bool is_flash = attention == EmulatedAttention::kFlash;
  const std::vector<StagedBlock> staged = StageBlocks(keys, values, position, dim);
  std::vector<std::vector<BlockResult>> blocks;  // [block][head]
  if (is_flash) {
    for (const StagedBlock& block : staged) {
      blocks.push_back(AttendFlash(core, queries, group, block, dim));
    }
  } else {
    blocks = AttendEager(core, queries, group, staged, dim);
  }
  for (int64_t head = 0; head < group; ++head) {
    std::vector<const BlockResult*> of_head;
    for (const std::vector<BlockResult>& block : blocks) of_head.push_back(&block[head]);
    Combine(of_head, dim, is_flash, out + head * dim);
  }
}

}  // namespace forensics::runner
