#include "runner/model/mlp.h"

#include <ATen/ops/empty.h>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// Copies the weights of `modules`, one below the other, to `out`.
absl::Status CopyWeights(const Checkpoint& checkpoint, const std::vector<std::string>& modules,
                         at::Tensor out) {
  int64_t row = 0;
  for (const std::string& module : modules) {
    const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, out.scalar_type());
    if (!weight.ok()) return weight.status();
    out.narrow(0, row, weight->size(0)).copy_(*weight);
    row += weight->size(0);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DenseMlp> DenseMlp::Load(const Checkpoint& checkpoint, const std::string& prefix,
                                        at::ScalarType dtype) {
  const bool has_bias = checkpoint.config().mlp_bias;
  absl::StatusOr<Projection> gate_up =
      Projection::Load(checkpoint, {prefix + "gate_proj", prefix + "up_proj"}, has_bias, dtype);
  if (!gate_up.ok()) return gate_up.status();
  absl::StatusOr<Projection> down =
      Projection::Load(checkpoint, {prefix + "down_proj"}, has_bias, dtype);
  if (!down.ok()) return down.status();
  DenseMlp mlp;
  mlp.gate_up_ = *std::move(gate_up);
  mlp.down_ = *std::move(down);
  return mlp;
}

at::Tensor DenseMlp::Forward(const at::Tensor& x, const FusedOps& ops) const {
  return down_(ops.SwiGlu(gate_up_(x)));
}

absl::StatusOr<MoeBlock> MoeBlock::Load(const Checkpoint& checkpoint, const std::string& prefix,
                                        at::ScalarType dtype) {
  const ModelConfig& config = checkpoint.config();
  if (config.mlp_bias) {
    return absl::UnimplementedError(absl::StrCat(prefix, "experts: mlp_bias is not supported"));
  }
  absl::StatusOr<Projection> router =
      Projection::Load(checkpoint, {prefix + "gate"}, /*has_bias=*/false, dtype);
  if (!router.ok()) return router.status();
  MoeBlock block;
  block.router_ = *std::move(router);
  const int64_t width = config.moe_intermediate_size, hidden = config.hidden_size;
  block.experts_.gate_up = at::empty({config.num_experts, 2 * width, hidden}, dtype);
  block.experts_.down = at::empty({config.num_experts, hidden, width}, dtype);
  for (int64_t e = 0; e < config.num_experts; ++e) {
    const std::string expert = absl::StrCat(prefix, "experts.", e, ".");
    absl::Status status = CopyWeights(checkpoint, {expert + "gate_proj", expert + "up_proj"},
                                      block.experts_.gate_up.select(0, e));
    if (!status.ok()) return status;
    status = CopyWeights(checkpoint, {expert + "down_proj"}, block.experts_.down.select(0, e));
    if (!status.ok()) return status;
  }
  return block;
}

at::Tensor MoeBlock::Forward(const at::Tensor& x, const FusedOps& ops, Routing* routing) const {
  const Routing chosen = ops.RouteTokens(router_(x));
  if (routing != nullptr) *routing = chosen;
  return MixExperts(x, chosen, experts_,
                    [&ops](const at::Tensor& gate_up) { return ops.SwiGlu(gate_up); });
}

}  // namespace forensics::runner
