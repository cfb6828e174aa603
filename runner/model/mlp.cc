#include "runner/model/mlp.h"

#include <ATen/ops/empty.h>

#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/model/tile_loading.h"

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

// The modules of each expert that this rank holds: `names` of it, and which part of them.
std::vector<std::vector<ModulePart>> StackOf(const LoadContext& context, const std::string& prefix,
                                             const std::vector<std::string>& names,
                                             std::optional<Range> outputs,
                                             std::optional<Range> inputs) {
  const Range held = context.sharding.Experts(context.config());
  std::vector<std::vector<ModulePart>> stack;
  for (int64_t e = held.begin; e < held.end; ++e) {
    std::vector<ModulePart>& parts = stack.emplace_back();
    for (const std::string& name : names) {
      parts.push_back({absl::StrCat(prefix, e, ".", name), outputs, inputs});
    }
  }
  return stack;
}

// None where they cannot be kept in 4 bits; see LoadTiles.
absl::StatusOr<std::optional<QuantizedExperts>> LoadQuantizedExperts(const LoadContext& context,
                                                                     const std::string& prefix) {
  const Range width = context.sharding.Width(context.config().moe_intermediate_size);
  auto gate_up = LoadTiles(context, StackOf(context, prefix, {"gate_proj", "up_proj"}, width, {}));
  if (!gate_up.ok()) return gate_up.status();
  if (!gate_up->has_value()) return std::nullopt;
  auto down = LoadTiles(context, StackOf(context, prefix, {"down_proj"}, {}, width));
  if (!down.ok()) return down.status();
  if (!down->has_value()) return std::nullopt;
  return QuantizedExperts{**std::move(gate_up), **std::move(down),
                          context.sharding.Experts(context.config()).begin};
}

absl::StatusOr<ExpertWeights> LoadDenseExperts(const LoadContext& context,
                                               const std::string& prefix) {
  const ModelConfig& config = context.config();
  const Range held = context.sharding.Experts(config);
  const Range width = context.sharding.Width(config.moe_intermediate_size);
  const auto options = at::TensorOptions(context.device).dtype(context.dtype);
  ExpertWeights experts;
  experts.first = held.begin;
  experts.gate_up = at::empty({held.size(), 2 * width.size(), config.hidden_size}, options);
  experts.down = at::empty({held.size(), config.hidden_size, width.size()}, options);
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

absl::StatusOr<MoeBlock::Experts> LoadExperts(const LoadContext& context,
                                              const std::string& prefix) {
  auto quantized = LoadQuantizedExperts(context, prefix);
  if (!quantized.ok()) return quantized.status();
  if (quantized->has_value()) return **std::move(quantized);
  auto dense = LoadDenseExperts(context, prefix);
  if (!dense.ok()) return dense.status();
  return *std::move(dense);
}

}  // namespace

absl::StatusOr<DenseMlp> DenseMlp::Load(const LoadContext& context, const std::string& prefix) {
  const ModelConfig& config = context.config();
  const Range width = context.sharding.Width(config.intermediate_size);
  absl::StatusOr<Projection> gate_up = Projection::Load(
      context, {{prefix + "gate_proj", width}, {prefix + "up_proj", width}}, config.mlp_bias);
  if (!gate_up.ok()) return gate_up.status();
  absl::StatusOr<Projection> down = Projection::LoadInputs(
      context, prefix + "down_proj", width, config.mlp_bias && context.AddsOutputBias());
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
  LoadContext decoded = context;  // few weights, read by everyone
  decoded.scratch = nullptr;
  absl::StatusOr<Projection> router =
      Projection::Load(decoded, {{prefix + "gate", {0, config.num_experts}}}, /*has_bias=*/false);
  if (!router.ok()) return router.status();
  absl::StatusOr<Experts> experts = LoadExperts(context, prefix + "experts.");
  if (!experts.ok()) return experts.status();
  MoeBlock block;
  block.router_ = *std::move(router);
  block.experts_ = *std::move(experts);
  block.scratch_ = context.scratch;
  if (!context.sharding.IsWhole()) block.adds_up_ = context.communicator;
  return block;
}

at::Tensor MoeBlock::Forward(const at::Tensor& x, const FusedOps& ops, Routing* routing) const {
  const Routing chosen = ops.RouteTokens(router_(x));
  if (routing != nullptr) *routing = chosen;
  at::Tensor output = Mix(x, chosen, ops);
  if (adds_up_ != nullptr) adds_up_->SumOverRanks(output);
  return output;
}

at::Tensor MoeBlock::Mix(const at::Tensor& x, const Routing& routing, const FusedOps& ops) const {
  const auto swiglu = [&ops](const at::Tensor& gate_up) { return ops.SwiGlu(gate_up); };
  if (const auto* quantized = std::get_if<QuantizedExperts>(&experts_)) {
    return MixExpertsCuda(x, routing, *quantized, *scratch_, swiglu);
  }
  const auto& dense = std::get<ExpertWeights>(experts_);
  return x.is_cuda() ? MixExpertsCuda(x, routing, dense, swiglu)
                     : MixExperts(x, routing, dense, swiglu);
}

bool MoeBlock::DescribeDecode(DecodeLayerTensors& layer) const {
  const auto* quantized = std::get_if<QuantizedExperts>(&experts_);
  if (quantized == nullptr) return false;
  layer.router = router_.weight;
  layer.gate_up = quantized->gate_up;
  layer.down = quantized->down;
  return true;
}

}  // namespace forensics::runner
