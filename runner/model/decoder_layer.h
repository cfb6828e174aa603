// One decoder layer: norm, attention, residual; norm, MLP, residual.
#ifndef RUNNER_MODEL_DECODER_LAYER_H_
#define RUNNER_MODEL_DECODER_LAYER_H_

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "runner/model/attention_block.h"
#include "runner/model/forward_pass.h"
#include "runner/model/load_context.h"
#include "runner/model/mlp.h"
#include "runner/ops/router.h"

namespace forensics::runner {

class DecoderLayer {
 public:
  static absl::StatusOr<DecoderLayer> Load(const LoadContext& context, int64_t layer,
                                           AttentionFunction attend);

  // hidden [batch * tokens, hidden]: the residual stream; x: its norm by input_norm(). Adds the
  // attention's output to `hidden` and returns the MLP's, which the caller adds, as that addition
  // is one with the norm that follows it: the next layer's, or the final one. `routing`, where not
  // null, receives an MoE layer's choice of experts; a dense layer leaves it as it is.
  at::Tensor Forward(at::Tensor& hidden, const at::Tensor& x, const ForwardPass& pass,
                     Routing* routing) const;

  // As AttentionBlock's.
  bool DescribeDecode(DecodeLayerTensors& layer) const;

  const at::Tensor& input_norm() const { return attention_norm_; }

 private:
  DecoderLayer(AttentionBlock attention, Mlp mlp)
      : attention_(std::move(attention)), mlp_(std::move(mlp)) {}

  at::Tensor attention_norm_;  // input_layernorm.weight
  AttentionBlock attention_;
  at::Tensor mlp_norm_;  // post_attention_layernorm.weight
  Mlp mlp_;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_DECODER_LAYER_H_
