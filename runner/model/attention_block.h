// Self-attention of one decoder layer. A rank of tensor parallelism holds some of the query heads
// and the key-value heads that they read.
#ifndef RUNNER_MODEL_ATTENTION_BLOCK_H_
#define RUNNER_MODEL_ATTENTION_BLOCK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runner/model/forward_pass.h"
#include "runner/model/load_context.h"
#include "runner/model/projection.h"
#include "runner/ops/attention.h"
#include "runner/ops/cuda/decode_step.h"
#include "runner/ops/rotary.h"

namespace forensics::runner {

class AttentionBlock {
 public:
  // `prefix` such as "model.layers.0.self_attn.".
  static absl::StatusOr<AttentionBlock> Load(const LoadContext& context, const std::string& prefix,
                                             int64_t layer, AttentionFunction attend);

  // x [batch * tokens, hidden], normalised -> the same shape. Writes the tokens' keys and values
  // behind the cache's length, which it leaves as it is.
  at::Tensor Forward(const at::Tensor& x, const ForwardPass& pass) const;

  // Adds its weights to those of a decode step by our own kernels; false where these do not know
  // such a block.
  bool DescribeDecode(DecodeLayerTensors& layer) const;

 private:
  int64_t layer_ = 0;
  Projection qkv_;
  Projection output_;
  HeadNorms norms_;
  AttentionFunction attend_ = nullptr;
  Communicator* adds_up_ = nullptr;  // the ranks' outputs; null: this one's is whole
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_ATTENTION_BLOCK_H_
