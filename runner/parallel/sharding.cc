#include "runner/parallel/sharding.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

absl::Status Refuse(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status CheckTensorParallel(const ModelConfig& config, int ranks) {
  const int64_t heads = config.num_attention_heads, kv_heads = config.num_key_value_heads;
  if (heads % ranks != 0) {
    return Refuse(absl::StrCat("tp_size ", ranks, ": does not divide num_attention_heads ", heads));
  }
  if (kv_heads % ranks != 0 && ranks % kv_heads != 0) {
    return Refuse(absl::StrCat("tp_size ", ranks,
                               ": neither divides nor is a multiple of num_key_value_heads ",
                               kv_heads));
  }
  for (const bool is_moe : config.is_moe_layer) {
    const int64_t width = is_moe ? config.moe_intermediate_size : config.intermediate_size;
    if (width >= ranks) continue;
    return Refuse(absl::StrCat("tp_size ", ranks, ": more than the columns of an MLP, ", width));
  }
  return absl::OkStatus();
}

absl::Status CheckExpertParallel(const ModelConfig& config, int ranks) {
  if (std::find(config.is_moe_layer.begin(), config.is_moe_layer.end(), true) ==
      config.is_moe_layer.end()) {
    return Refuse(absl::StrCat("ep_size ", ranks, ": the model has no experts"));
  }
  if (ranks > config.num_experts) {
    return Refuse(absl::StrCat("ep_size ", ranks, ": more than the experts, ", config.num_experts));
  }
  return absl::OkStatus();
}

}  // namespace

Range Sharding::QueryHeads(const ModelConfig& config) const {
  return tp_size == 1 ? Range{0, config.num_attention_heads}
                      : EvenPart(config.num_attention_heads, tp_size, rank);
}

Range Sharding::KeyValueHeads(const ModelConfig& config) const {
  const int64_t heads = config.num_key_value_heads;
  if (tp_size == 1) return {0, heads};
  if (heads >= tp_size) return EvenPart(heads, tp_size, rank);
  const int64_t shared = rank / (tp_size / heads);
  return {shared, shared + 1};
}

Range Sharding::KeyElements(const ModelConfig& config) const {
  const Range heads = KeyValueHeads(config);
  return {heads.begin * config.head_dim, heads.end * config.head_dim};
}

Range Sharding::Width(int64_t width) const {
  return tp_size == 1 ? Range{0, width} : EvenPart(width, tp_size, rank);
}

Range Sharding::Experts(const ModelConfig& config) const {
  return ep_size == 1 ? Range{0, config.num_experts} : EvenPart(config.num_experts, ep_size, rank);
}

Range Sharding::Vocabulary(const ModelConfig& config) const {
  return tp_size == 1 ? Range{0, config.vocab_size} : EvenPart(config.vocab_size, tp_size, rank);
}

std::vector<int64_t> Sharding::VocabularySizes(const ModelConfig& config) const {
  std::vector<int64_t> sizes;
  for (int other = 0; other < tp_size; ++other) {
    sizes.push_back(EvenPart(config.vocab_size, tp_size, other).size());
  }
  return sizes;
}

absl::Status CheckSharding(const ModelConfig& config, const Sharding& sharding) {
  if (sharding.tp_size > 1 && sharding.ep_size > 1) {
    return Refuse(absl::StrCat("tp_size ", sharding.tp_size, " and ep_size ", sharding.ep_size,
                               ": only one of them may be more than 1"));
  }
  if (sharding.tp_size > 1) return CheckTensorParallel(config, sharding.tp_size);
  if (sharding.ep_size > 1) return CheckExpertParallel(config, sharding.ep_size);
  return absl::OkStatus();
}

}  // namespace forensics::runner
