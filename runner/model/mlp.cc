#include "runner/model/mlp.h"

#include <ATen/ops/empty.h>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// Copies the outputs `rows` of each of `modules`, one below the other, to `out`.
absl::Status CopyOutputs(const Checkpoint& checkpoint, const std::vector<std::string>& modules,
                         Range rows, at::Tensor out) {
  int64_t at = 0;
  for (const std::string& module : modules) {
    const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, out.scalar_type());
    if (!weight.ok()) return weight.status();
    out.narrow(0, at, rows.size()).copy_(weight->narrow(0, rows.begin, rows.size()));
    at += rows.size();
  }
  return absl::OkStatus();
}

// Copies all outputs of `module` for its inputs `columns` to `out`.
absl::Status CopyInputs(const Checkpoint& checkpoint, const std::string& module, Range columns,
                        at::Tensor out) {
  const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, out.scalar_type());
  if (!weight.ok()) return weight.status();
  out.copy_(weight->narrow(1, columns.begin, columns.size()));
  return absl::OkStatus();
}

absl::StatusOr<ExpertWeights> LoadExperts(const LoadContext& context, const std::string& prefix) {
  const ModelConfig& config = context.config();
  const Range held = context.sharding.Experts(config);
  const Range width = context.sharding.Width(config.moe_intermediate_size);
  ExpertWeights experts;
  experts.first = held.begin;
  experts.gate_up = at::empty({held.size(), 2 * width.size(), config.hidden_size}, context.dtype);
  experts.down = at::empty({held.size(), config.hidden_size, width.size()}, context.dtype);
  for (int64_t e = held.begin; e < held.end; ++e) {
    const std::string expert = absl::StrCat(prefix, e, ".");
    absl::Status status =
        CopyOutputs(context.checkpoint, {expert + "gate_proj", expert + "up_proj"}, width,
                    experts.gate_up.select(0, e - held.begin));
    if (!status.ok()) return status;
    status = CopyInputs(context.checkpoint, expert + "down_proj", width,
                        experts.down.select(0, e - held.begin));
    if (!status.ok()) return status;
  }
  return experts;
}

}  // namespace

absl::StatusOr<DenseMlp> DenseMlp::Load(const LoadContext& context, const std::string& prefix) {
  const ModelConfig& config = context.config();
  const Range width = context.sharding.Width(config.intermediate_size);
  absl::StatusOr<Projection> gate_up = Projection::Load(
      context.checkpoint, {{prefix + "gate_proj", width}, {prefix + "up_proj", width}},
      config.mlp_bias, context.dtype);
  if (!gate_up.ok()) return gate_up.status();
  absl::StatusOr<Projection> down =
      Projection::LoadInputs(context.checkpoint, prefix + "down_proj", width,
                             config.mlp_bias && context.AddsOutputBias(), context.dtype);
  if (!down.ok()) return down.status();
  DenseMlp mlp;
  mlp.gate_up_ = *std::move(gate_up);
  mlp.down_ = *std::move(down);
  if (context.IsTensorParallel()) mlp.adds_up_ = context.communicator;
  return mlp;
}

at::Tensor DenseMlp::Forward(const at::Tensor& x, const FusedOps& ops) const {
  at::Tensor output = down_(ops.SwiGlu(gate_up_(x)));
  if (adds_up_ != nullptr) adds_up_->SumOverRanks(output);
  return output;
}

absl::StatusOr<MoeBlock> MoeBlock::Load(const LoadContext& context, const std::string& prefix) {
  const ModelConfig& config = context.config();
  if (config.mlp_bias) {
    return absl::UnimplementedError(absl::StrCat(prefix, "experts: mlp_bias is not supported"));
  }
  absl::StatusOr<Projection> router =
      Projection::Load(context.checkpoint, {{prefix + "gate", {0, config.num_experts}}},
                       /*has_bias=*/false, context.dtype);
  if (!router.ok()) return router.status();
  absl::StatusOr<ExpertWeights> experts = LoadExperts(context, prefix + "experts.");
  if (!experts.ok()) return experts.status();
  MoeBlock block;
  block.router_ = *std::move(router);
  block.experts_ = *std::move(experts);
  if (!context.sharding.IsWhole()) block.adds_up_ = context.communicator;
  return block;
}

at::Tensor MoeBlock::Forward(const at::Tensor& x, const FusedOps& ops, Routing* routing) const {
  const Routing chosen = ops.RouteTokens(router_(x));
  if (routing != nullptr) *routing = chosen;
  at::Tensor output = MixExperts(x, chosen, experts_,
                                 [&ops](const at::Tensor& gate_up) { return ops.SwiGlu(gate_up); });
  if (adds_up_ != nullptr) adds_up_->SumOverRanks(output);
  return output;
}

}  // namespace forensics::runner
