// How libtorch's flash attention divides a call on a Hopper GPU: tiles of queries and keys, and
// splits of the keys. All three show in the bits.
//
// Source: FlashAttention-2 (Dao 2023) as in torch 2.11; tiles are in the kernels' names, splits
// were found to reproduce all measured calls (testdata/hopper).
#ifndef RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_PLAN_H_
#define RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_PLAN_H_

#include <cstdint>
#include <optional>

namespace forensics::runner {

// Heads of several batch entries count as more heads, entry by entry.
struct FlashAttentionShape {
  int64_t heads;     // of queries, a multiple of kv_heads
  int64_t kv_heads;  // query head h reads head h / (heads / kv_heads)
  int64_t queries;
  int64_t keys;
  int64_t head_dim;
  // Query i sees the keys up to i + keys - queries. A single query sees all.
  bool is_causal;

  int64_t group() const { return heads / kv_heads; }
};

struct KeyBlocks {
  int64_t first;
  int64_t last;  // excluded
};

struct FlashAttentionPlan {
  int64_t query_tile;  // queries of a thread block, which share the keys that are walked over
  int64_t key_tile;    // keys of a step
  int splits;          // of the keys, whose outputs a second kernel combines; 1: none

  // The blocks of key_tile keys that a split walks over, from the last to the first, for the query
  // tile that begins with `query`. May be empty.
  KeyBlocks Blocks(const FlashAttentionShape& shape, int64_t query, int split) const;
};

// For heads of 32, 64 and 128 columns, which were measured; nothing for others.
std::optional<FlashAttentionPlan> PlanFlashAttention(const FlashAttentionShape& shape,
                                                     int multiprocessors);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_PLAN_H_
