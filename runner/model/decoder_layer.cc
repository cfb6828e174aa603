#include "runner/model/decoder_layer.h"

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

absl::StatusOr<Mlp> LoadMlp(const LoadContext& context, int64_t layer, const std::string& prefix) {
  if (context.config().is_moe_layer[layer]) return MoeBlock::Load(context, prefix);
  return DenseMlp::Load(context, prefix);
}

}  // namespace

absl::StatusOr<DecoderLayer> DecoderLayer::Load(const LoadContext& context, int64_t layer,
                                                AttentionFunction attend) {
  const std::string prefix = absl::StrCat("model.layers.", layer, ".");
  absl::StatusOr<AttentionBlock> attention =
      AttentionBlock::Load(context, prefix + "self_attn.", layer, attend);
  if (!attention.ok()) return attention.status();
  absl::StatusOr<Mlp> mlp = LoadMlp(context, layer, prefix + "mlp.");
  if (!mlp.ok()) return mlp.status();
  DecoderLayer loaded(*std::move(attention), *std::move(mlp));
  for (auto [name, weight] : {std::pair{"input_layernorm.weight", &loaded.attention_norm_},
                              {"post_attention_layernorm.weight", &loaded.mlp_norm_}}) {
    const absl::StatusOr<at::Tensor> norm = context.Tensor(prefix + name);
    if (!norm.ok()) return norm.status();
    *weight = *norm;
  }
  return loaded;
}

at::Tensor DecoderLayer::Forward(at::Tensor& hidden, const at::Tensor& x, const ForwardPass& pass,
                                 Routing* routing) const {
  const at::Tensor attended = attention_.Forward(x, pass);
  const at::Tensor normalised = pass.ops.AddRmsNorm(hidden, attended, mlp_norm_);
  const MoeBlock* moe = std::get_if<MoeBlock>(&mlp_);
  return moe != nullptr ? moe->Forward(normalised, pass.ops, routing)
                        : std::get<DenseMlp>(mlp_).Forward(normalised, pass.ops);
}

bool DecoderLayer::DescribeDecode(DecodeLayerTensors& layer) const {
  const MoeBlock* moe = std::get_if<MoeBlock>(&mlp_);
  layer.input_norm = attention_norm_;
  layer.post_attention_norm = mlp_norm_;
  return moe != nullptr && attention_.DescribeDecode(layer) && moe->DescribeDecode(layer);
}

}  // namespace forensics::runner
