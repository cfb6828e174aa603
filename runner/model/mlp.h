// The two kinds of MLP of a decoder layer: dense, or a mixture of experts. A rank of tensor
// parallelism holds a part of the width of each, a rank of expert parallelism some of the experts.
#ifndef RUNNER_MODEL_MLP_H_
#define RUNNER_MODEL_MLP_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "runner/model/fused_ops.h"
#include "runner/model/load_context.h"
#include "runner/model/projection.h"
#include "runner/ops/cuda/decode_step.h"
#include "runner/ops/cuda/grouped_experts.h"
#include "runner/ops/experts.h"
#include "runner/ops/router.h"

namespace forensics::runner {

class DenseMlp {
 public:
  // `prefix` such as "model.layers.0.mlp.".
  static absl::StatusOr<DenseMlp> Load(const LoadContext& context, const std::string& prefix);

  // x [tokens, hidden] -> the same shape.
  at::Tensor Forward(const at::Tensor& x, const FusedOps& ops) const;

 private:
  Projection gate_up_;
  Projection down_;
  Communicator* adds_up_ = nullptr;  // the ranks' outputs; null: this one's is whole
};

class MoeBlock {
 public:
  using Experts = std::variant<ExpertWeights, QuantizedExperts>;

  static absl::StatusOr<MoeBlock> Load(const LoadContext& context, const std::string& prefix);

  // As DenseMlp's; `routing`, where not null, receives the router's choice.
  at::Tensor Forward(const at::Tensor& x, const FusedOps& ops, Routing* routing) const;

  // As AttentionBlock's.
  bool DescribeDecode(DecodeLayerTensors& layer) const;

 private:
  at::Tensor Mix(const at::Tensor& x, const Routing& routing, const FusedOps& ops) const;

  Projection router_;
  Experts experts_;
  std::shared_ptr<DequantizeScratch> scratch_;  // with QuantizedExperts
  Communicator* adds_up_ = nullptr;
};

using Mlp = std::variant<DenseMlp, MoeBlock>;

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_MLP_H_
