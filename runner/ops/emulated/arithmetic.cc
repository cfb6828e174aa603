#include "runner/ops/emulated/arithmetic.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "runner/ops/tensor_core/flash_attention_plan.h"
#include "runner/ops/tensor_core/product_recipes.h"
#include "runner/ops/tensor_core/special_functions.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

// The plans of calls of many sizes, which stand for the rule: its constants, its rounding.
std::string FlashAttentionPlans(int multiprocessors) {
  std::string text;
  for (const int64_t head_dim : {32, 64, 128}) {
    for (const int64_t heads : {1, 2, 4, 8, 11, 16, 32, 53, 64, 106, 128, 131, 211, 212, 512}) {
      for (const int64_t queries : {1, 16, 65, 1024}) {
        for (const int64_t keys : {1, 64, 129, 1000, 5120, 6144, 10240, 12416, 40000}) {
          const std::optional<FlashAttentionPlan> plan = PlanFlashAttention(
              {heads, heads % 4 == 0 ? heads / 4 : heads, queries, keys, head_dim, true},
              multiprocessors);
          if (!plan.has_value()) continue;
          absl::StrAppend(&text, plan->query_tile, " ", plan->key_tile, " ", plan->splits, "\n");
        }
      }
    }
  }
  return text;
}

}  // namespace

std::string ArithmeticDigest(const TensorCore& core) {
  return schema::Sha256Hex(absl::StrCat(
      "twins ", kTwinsVersion, "\nproducts ", ProductRecipesDigest(core), "\nflash attention ",
      schema::Sha256Hex(FlashAttentionPlans(core.multiprocessors)), "\nspecial functions ",
      schema::Sha256Hex(SpecialFunctionTables()), "\n"));
}

}  // namespace forensics::runner
