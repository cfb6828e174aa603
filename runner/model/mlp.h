// The two kinds of MLP of a decoder layer: dense, or a mixture of experts.
#ifndef RUNNER_MODEL_MLP_H_
#define RUNNER_MODEL_MLP_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/model/fused_ops.h"
#include "runner/model/projection.h"
#include "runner/ops/experts.h"
#include "runner/ops/router.h"

namespace forensics::runner {

class DenseMlp {
 public:
  // `prefix` such as "model.layers.0.mlp.".
  static absl::StatusOr<DenseMlp> Load(const Checkpoint& checkpoint, const std::string& prefix,
                                       at::ScalarType dtype);

  // x [tokens, hidden] -> the same shape.
  at::Tensor Forward(const at::Tensor& x, const FusedOps& ops) const;

 private:
  Projection gate_up_;
  Projection down_;
};

class MoeBlock {
 public:
  static absl::StatusOr<MoeBlock> Load(const Checkpoint& checkpoint, const std::string& prefix,
                                       at::ScalarType dtype);

  // As DenseMlp's; `routing`, where not null, receives the router's choice.
  at::Tensor Forward(const at::Tensor& x, const FusedOps& ops, Routing* routing) const;

 private:
  Projection router_;
  ExpertWeights experts_;
};

using Mlp = std::variant<DenseMlp, MoeBlock>;

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_MLP_H_
