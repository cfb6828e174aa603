#include "runner/ops/tensor_core/flash_attention_plan.h"

#include <algorithm>
#include <cmath>

namespace forensics::runner {
namespace {

constexpr int64_t kSplitQueryTile = 64;
constexpr int64_t kMostSplits = 128;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The least number of splits, each with fewer key blocks than one split less would give, whose last
// wave of thread blocks leaves the GPU at most 15% less busy than the best number's. Efficiencies
// and 0.8 are float32, 0.85 is a double: a float32 product would round some ties the other way.
int Splits(int64_t thread_blocks, int64_t places, int64_t key_blocks) {
  if (static_cast<float>(thread_blocks) >= 0.8f * static_cast<float>(places)) return 1;
  const int64_t most = std::min({kMostSplits, places, key_blocks});
  const auto efficiency = [&](int64_t splits) {
    if (splits > 1 && CeilDivide(key_blocks, splits) == CeilDivide(key_blocks, splits - 1)) {
      return 0.0f;
    }
    const float waves = static_cast<float>(thread_blocks * splits) / static_cast<float>(places);
    return waves / std::ceil(waves);
  };
  float best = 0;
  for (int64_t splits = 1; splits <= most; ++splits) best = std::max(best, efficiency(splits));
  for (int64_t splits = 1; splits <= most; ++splits) {
    if (efficiency(splits) >= 0.85 * best) return static_cast<int>(splits);
  }
  return 1;
}

}  // namespace

KeyBlocks FlashAttentionPlan::Blocks(const FlashAttentionShape& shape, int64_t query,
                                     int split) const {
  const int64_t all = CeilDivide(shape.keys, key_tile);
  const int64_t per_split = CeilDivide(all, splits);
  KeyBlocks blocks = {split * per_split, std::min(all, (split + 1) * per_split)};
  if (shape.is_causal && shape.queries > 1) {
    const int64_t seen = query + query_tile + shape.keys - shape.queries;
    blocks.last = std::min(blocks.last, CeilDivide(std::max<int64_t>(seen, 0), key_tile));
  }
  return blocks;
}

std::optional<FlashAttentionPlan> PlanFlashAttention(const FlashAttentionShape& shape,
                                                     int multiprocessors) {
  if (shape.head_dim != 32 && shape.head_dim != 64 && shape.head_dim != 128) return std::nullopt;
  const bool is_wide = shape.head_dim == 128;
  const int64_t split_key_tile = is_wide ? 128 : 256;
  // A single query's heads that share a kv head are taken as the queries of one head.
  const bool is_swapped = shape.queries == 1 && shape.heads > shape.kv_heads;
  const int64_t heads = is_swapped ? shape.kv_heads : shape.heads;
  const int64_t queries = is_swapped ? shape.group() : shape.queries;
  const int splits = Splits(heads * CeilDivide(queries, kSplitQueryTile), 2 * multiprocessors,
                            CeilDivide(shape.keys, split_key_tile));
  if (splits > 1) return FlashAttentionPlan{kSplitQueryTile, split_key_tile, splits};
  return FlashAttentionPlan{128, is_wide ? 64 : 128, 1};
}

}  // namespace forensics::runner
