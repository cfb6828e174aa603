#include "runner/model/attention_block.h"

#include <utility>

namespace forensics::runner {

absl::StatusOr<AttentionBlock> AttentionBlock::Load(const Checkpoint& checkpoint,
                                                    const std::string& prefix, int64_t layer,
                                                    at::ScalarType dtype,
                                                    AttentionFunction attend) {
  const ModelConfig& config = checkpoint.config();
  AttentionBlock block;
  block.layer_ = layer;
  block.attend_ = attend;
  absl::StatusOr<Projection> qkv =
      Projection::Load(checkpoint, {prefix + "q_proj", prefix + "k_proj", prefix + "v_proj"},
                       config.attention_bias, dtype);
  if (!qkv.ok()) return qkv.status();
  block.qkv_ = *std::move(qkv);
  absl::StatusOr<Projection> output =
      Projection::Load(checkpoint, {prefix + "o_proj"}, config.attention_bias, dtype);
  if (!output.ok()) return output.status();
  block.output_ = *std::move(output);
  if (!config.qk_norm) return block;
  block.norms_.eps = config.rms_norm_eps;
  for (auto [name, weight] :
       {std::pair{"q_norm.weight", &block.norms_.query}, {"k_norm.weight", &block.norms_.key}}) {
    absl::StatusOr<at::Tensor> norm = checkpoint.Tensor(prefix + name, dtype);
    if (!norm.ok()) return norm.status();
    *weight = *std::move(norm);
  }
  return block;
}

at::Tensor AttentionBlock::Forward(const at::Tensor& x, const ForwardPass& pass) const {
  const KvCache& cache = pass.cache;
  at::Tensor keys = cache.NewKeys(layer_, pass.tokens);
  at::Tensor values = cache.NewValues(layer_, pass.tokens);
  const at::Tensor queries = pass.ops.SplitHeads(qkv_(x), norms_, pass.rotary, keys, values);
  return output_(
      attend_(queries, cache.AllKeys(layer_, pass.tokens), cache.AllValues(layer_, pass.tokens)));
}

}  // namespace forensics::runner
