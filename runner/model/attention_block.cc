#include "runner/model/attention_block.h"

#include <utility>

namespace forensics::runner {

namespace {

// The elements of `heads`, `dim` each.
Range ElementsOf(Range heads, int64_t dim) { return {heads.begin * dim, heads.end * dim}; }

}  // namespace

absl::StatusOr<AttentionBlock> AttentionBlock::Load(const LoadContext& context,
                                                    const std::string& prefix, int64_t layer,
                                                    AttentionFunction attend) {
  const ModelConfig& config = context.config();
  const Range queries = ElementsOf(context.sharding.QueryHeads(config), config.head_dim);
  const Range keys = ElementsOf(context.sharding.KeyValueHeads(config), config.head_dim);
  AttentionBlock block;
  block.layer_ = layer;
  block.attend_ = attend;
  if (context.IsTensorParallel()) block.adds_up_ = context.communicator;
  absl::StatusOr<Projection> qkv = Projection::Load(
      context, {{prefix + "q_proj", queries}, {prefix + "k_proj", keys}, {prefix + "v_proj", keys}},
      config.attention_bias);
  if (!qkv.ok()) return qkv.status();
  block.qkv_ = *std::move(qkv);
  absl::StatusOr<Projection> output = Projection::LoadInputs(
      context, prefix + "o_proj", queries, config.attention_bias && context.AddsOutputBias());
  if (!output.ok()) return output.status();
  block.output_ = *std::move(output);
  if (!config.qk_norm) return block;
  block.norms_.eps = config.rms_norm_eps;
  for (auto [name, weight] :
       {std::pair{"q_norm.weight", &block.norms_.query}, {"k_norm.weight", &block.norms_.key}}) {
    const absl::StatusOr<at::Tensor> norm = context.Tensor(prefix + name);
    if (!norm.ok()) return norm.status();
    *weight = *norm;
  }
  return block;
}

at::Tensor AttentionBlock::Forward(const at::Tensor& x, const ForwardPass& pass) const {
  const KvCache& cache = pass.cache;
  at::Tensor keys = cache.NewKeys(layer_, pass.tokens);
  at::Tensor values = cache.NewValues(layer_, pass.tokens);
  const at::Tensor queries = pass.ops.SplitHeads(qkv_(x), norms_, pass.rotary, keys, values);
  at::Tensor output = output_(
      attend_(queries, cache.AllKeys(layer_, pass.tokens), cache.AllValues(layer_, pass.tokens)));
  if (adds_up_ != nullptr) adds_up_->SumOverRanks(output);
  return output;
}

bool AttentionBlock::DescribeDecode(DecodeLayerTensors& layer) const {
  if (!qkv_.tiles.has_value() || !output_.tiles.has_value() || qkv_.bias.defined() ||
      output_.bias.defined() || !norms_.query.defined()) {
    return false;
  }
  layer.qkv = *qkv_.tiles;
  layer.query_norm = norms_.query;
  layer.key_norm = norms_.key;
  layer.o_proj = *output_.tiles;
  return true;
}

}  // namespace forensics::runner
