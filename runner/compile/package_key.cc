#include "runner/compile/package_key.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::runner {

PackageKey PackageKey::Of(const ModelConfig& config, const Sharding& sharding,
                          const std::string& dtype) {
  PackageKey key;
  key.dtype = dtype;
  key.hidden = config.hidden_size;
  key.tp_size = sharding.tp_size;
  key.heads = sharding.QueryHeads(config).size();
  key.kv_heads = sharding.KeyValueHeads(config).size();
  key.head_dim = config.head_dim;
  key.qk_norm = config.qk_norm;
  key.eps = config.rms_norm_eps;
  for (const bool is_moe : config.is_moe_layer) {
    const int64_t width = is_moe ? config.moe_intermediate_size : config.intermediate_size;
    key.widths.insert(sharding.Width(width).size());
    if (!is_moe) continue;
    key.experts = config.num_experts;
    key.slots = config.num_experts_per_tok;
    key.normalise = config.norm_topk_prob;
  }
  return key;
}

std::string PackageKey::CudaDevice(int major, int minor) {
  return absl::StrCat("cuda sm_", major, minor);
}

std::string PackageKey::Dims() const {
  return absl::StrCat("hidden=", hidden, " heads=", heads, " kv_heads=", kv_heads,
                      " head_dim=", head_dim, " qk_norm=", qk_norm ? 1 : 0, " eps=", eps,
                      " experts=", experts, " slots=", slots, " normalise=", normalise ? 1 : 0,
                      " widths=", absl::StrJoin(widths, ","));
}

}  // namespace forensics::runner
