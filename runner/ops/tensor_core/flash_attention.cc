#include "runner/ops/tensor_core/flash_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "runner/ops/tensor_core/cuda_math.h"
#include "runner/ops/tensor_core/flash_attention_combine.h"
#include "runner/ops/tensor_core/product.h"
#include "runner/ops/tensor_core/round.h"

namespace forensics::runner {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int kSums = 4;  // threads that share a row of a tensor core's result

// The keys and values of one step, as products take them. Rows beyond the last key are zero.
class KeyBlock {
 public:
  KeyBlock(const FlashAttentionCall& call, int64_t kv_head, int64_t first_key, int64_t key_tile)
      : rows_(std::min(key_tile, call.shape.keys - first_key)),
        transposed_(Transpose(call, kv_head, first_key, key_tile)),
        keys_(call.core, call.format, call.keys.Row(kv_head, first_key), rows_, call.shape.head_dim,
              call.keys.row_stride),
        values_(call.core, call.format, transposed_.data(), call.shape.head_dim, key_tile,
                key_tile) {}

  const PackedColumns& keys() const { return keys_; }
  const PackedColumns& values() const { return values_; }
  int64_t rows() const { return rows_; }

 private:
  std::vector<uint16_t> Transpose(const FlashAttentionCall& call, int64_t kv_head,
                                  int64_t first_key, int64_t key_tile) const {
    std::vector<uint16_t> transposed(call.shape.head_dim * key_tile, 0);
    for (int64_t row = 0; row < rows_; ++row) {
      const uint16_t* values = call.values.Row(kv_head, first_key + row);
      for (int64_t d = 0; d < call.shape.head_dim; ++d) transposed[d * key_tile + row] = values[d];
    }
    return transposed;
  }

  int64_t rows_;
  std::vector<uint16_t> transposed_;  // [head_dim, key_tile]
  PackedColumns keys_;
  PackedColumns values_;
};

float Scale(const FlashAttentionShape& shape) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.head_dim)));
}

float ScaleLog2(const FlashAttentionShape& shape) {
  return static_cast<float>(double{Scale(shape)} * 1.4426950408889634074);
}

// The softmax of one query while key blocks go by.
class OnlineSoftmax {
 public:
  // Takes a block's scores, writes p rounded to the input type, rescales the output so far.
  void Step(const std::vector<float>& scores, int64_t offset, InputFormat format, float scale_log2,
            uint16_t* p, int64_t count, float* output, int64_t head_dim) {
    const float before = max_;
    for (int64_t j = 0; j < count; ++j) max_ = std::fmax(max_, scores[offset + j]);
    const float finite_max = max_ == -kInfinity ? 0 : max_;
    const float max_scaled = finite_max * scale_log2;
    // Nothing has been added up before the first step: any factor does that is not NaN.
    const float rescale = is_first_ ? 0 : CudaExp2((before - finite_max) * scale_log2);
    for (int64_t d = 0; d < head_dim; ++d) output[d] *= rescale;
    for (int64_t j = 0; j < count; ++j) {
      const float exponential = CudaExp2(scores[offset + j] * scale_log2 - max_scaled);
      float& sum = sums_[j / 2 % kSums];
      sum = j < 2 * kSums && j % 2 == 0 ? std::fma(sum, rescale, exponential) : sum + exponential;
      p[j] = Round(format, exponential);
    }
    is_first_ = false;
  }

  // The output and the log-sum-exp, `empty` where no key is seen.
  float Finish(float scale, float empty, float* output, int64_t head_dim) const {
    const float sum = (sums_[0] + sums_[2]) + (sums_[1] + sums_[3]);
    const bool is_empty = sum == 0 || std::isnan(sum);
    const float inverse = is_empty ? 1 : 1 / sum;
    for (int64_t d = 0; d < head_dim; ++d) output[d] *= inverse;
    return is_empty ? empty : std::fma(max_, scale, CudaFastLog(sum));
  }

 private:
  float max_ = -kInfinity;
  float sums_[kSums] = {};
  bool is_first_ = true;
};

// One query tile over the key blocks of one split.
class QueryTile {
 public:
  QueryTile(const FlashAttentionCall& call, const FlashAttentionPlan& plan, int64_t head,
            int64_t first)
      : call_(call),
        plan_(plan),
        head_(head),
        first_(first),
        rows_(std::min(plan.query_tile, call.shape.queries - first)),
        product_(call.core, call.format),
        softmax_(rows_),
        scores_(rows_ * plan.key_tile),
        p_(rows_ * plan.key_tile) {}

  // blocks: those of the head's kv head, by number. output: [rows, head_dim], zeros at first.
  void Run(const std::vector<const KeyBlock*>& blocks, int split, float* output,
           float* log_sum_exps) {
    const KeyBlocks range = plan_.Blocks(call_.shape, first_, split);
    for (int64_t block = range.last - 1; block >= range.first; --block) {
      Step(*blocks[block], block * plan_.key_tile, output);
    }
    const int64_t head_dim = call_.shape.head_dim;
    const float empty = plan_.splits > 1 ? -kInfinity : kInfinity;
    for (int64_t row = 0; row < rows_; ++row) {
      log_sum_exps[row] =
          softmax_[row].Finish(Scale(call_.shape), empty, output + row * head_dim, head_dim);
    }
  }

 private:
  void Step(const KeyBlock& block, int64_t first_key, float* output) {
    const int64_t head_dim = call_.shape.head_dim, tile = plan_.key_tile;
    std::fill(scores_.begin(), scores_.end(), 0.0f);
    product_.Run(call_.queries.Row(head_, first_), call_.queries.row_stride, rows_, block.keys(), 0,
                 block.rows(), 0, head_dim, scores_.data(), tile);
    const float scale_log2 = ScaleLog2(call_.shape);
    for (int64_t row = 0; row < rows_; ++row) {
      const int64_t seen = std::clamp<int64_t>(KeysSeen(first_ + row) - first_key, 0, tile);
      std::fill(scores_.begin() + row * tile + seen, scores_.begin() + (row + 1) * tile,
                -kInfinity);
      softmax_[row].Step(scores_, row * tile, call_.format, scale_log2, p_.data() + row * tile,
                         tile, output + row * head_dim, head_dim);
    }
    product_.Run(p_.data(), tile, rows_, block.values(), 0, head_dim, 0, tile, output, head_dim);
  }

  int64_t KeysSeen(int64_t query) const {
    const FlashAttentionShape& shape = call_.shape;
    if (!shape.is_causal || shape.queries == 1) return shape.keys;
    return std::min(shape.keys, query + 1 + shape.keys - shape.queries);
  }

  const FlashAttentionCall& call_;
  const FlashAttentionPlan& plan_;
  int64_t head_;
  int64_t first_;
  int64_t rows_;
  ChainProduct product_;
  std::vector<OnlineSoftmax> softmax_;
  std::vector<float> scores_;  // [rows, key_tile]
  std::vector<uint16_t> p_;    // [rows, key_tile]
};

using BlocksOfHeads = std::vector<std::vector<const KeyBlock*>>;

// Both results of all splits: [splits, heads, queries(, head_dim)].
struct SplitResults {
  std::vector<float> outputs;
  std::vector<float> log_sum_exps;
};

SplitResults RunSplits(const FlashAttentionCall& call, const FlashAttentionPlan& plan,
                       const BlocksOfHeads& blocks, ParallelForFunction parallel_for) {
  const FlashAttentionShape& shape = call.shape;
  const int64_t rows = shape.heads * shape.queries;
  SplitResults results = {std::vector<float>(plan.splits * rows * shape.head_dim),
                          std::vector<float>(plan.splits * rows)};
  const int64_t tiles = (shape.queries + plan.query_tile - 1) / plan.query_tile;
  parallel_for(plan.splits * shape.heads * tiles, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      // Short and long ones by turns, where later queries see more keys: ranges take equal times.
      const int64_t turn = i / (plan.splits * shape.heads);
      const int64_t first = (turn % 2 == 0 ? turn / 2 : tiles - 1 - turn / 2) * plan.query_tile;
      const int64_t head = i % shape.heads, split = i / shape.heads % plan.splits;
      const int64_t row = split * rows + head * shape.queries + first;
      QueryTile(call, plan, head, first)
          .Run(blocks[head / shape.group()], static_cast<int>(split),
               results.outputs.data() + row * shape.head_dim, results.log_sum_exps.data() + row);
    }
  });
  return results;
}

}  // namespace

void FlashAttention(const FlashAttentionCall& call, const FlashAttentionPlan& plan,
                    ParallelForFunction parallel_for) {
  const FlashAttentionShape& shape = call.shape;
  const int64_t blocks_of_head = (shape.keys + plan.key_tile - 1) / plan.key_tile;
  std::vector<std::unique_ptr<const KeyBlock>> owned(shape.kv_heads * blocks_of_head);
  parallel_for(static_cast<int64_t>(owned.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      owned[i] = std::make_unique<KeyBlock>(call, i / blocks_of_head,
                                            i % blocks_of_head * plan.key_tile, plan.key_tile);
    }
  });
  BlocksOfHeads blocks(shape.kv_heads);
  for (size_t i = 0; i < owned.size(); ++i) blocks[i / blocks_of_head].push_back(owned[i].get());

  SplitResults results = RunSplits(call, plan, blocks, parallel_for);
  const int64_t rows = shape.heads * shape.queries;
  parallel_for(rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* output = results.outputs.data() + row * shape.head_dim;
      call.log_sum_exps[row] = plan.splits == 1
                                   ? results.log_sum_exps[row]
                                   : CombineSplits(plan.splits, shape.head_dim, rows,
                                                   results.log_sum_exps.data() + row, output);
      std::transform(output, output + shape.head_dim, call.output + row * shape.head_dim,
                     [&](float value) { return Round(call.format, value); });
    }
  });
}

}  // namespace forensics::runner
