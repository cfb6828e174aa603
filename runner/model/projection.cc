#include "runner/model/projection.h"

#include <ATen/ops/cat.h>

#include "runner/model/tile_loading.h"

namespace forensics::runner {
namespace {

std::vector<ModulePart> PartsOf(const std::vector<OutputSlice>& slices) {
  std::vector<ModulePart> parts;
  for (const OutputSlice& slice : slices) {
    parts.push_back({slice.module, slice.outputs, std::nullopt});
  }
  return parts;
}

// The weight in 4 bits, where it can be kept so.
absl::Status LoadTilesOf(const LoadContext& context, const std::vector<ModulePart>& parts,
                         Projection& projection) {
  auto tiles = LoadTiles(context, {parts});
  if (!tiles.ok()) return tiles.status();
  projection.tiles = *std::move(tiles);
  projection.scratch = context.scratch;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Projection> Projection::Load(const LoadContext& context,
                                            const std::vector<OutputSlice>& slices, bool has_bias) {
  Projection projection;
  absl::Status status = LoadTilesOf(context, PartsOf(slices), projection);
  if (!status.ok()) return status;
  std::vector<at::Tensor> weights, biases;
  for (const auto& [module, outputs] : slices) {
    if (!projection.tiles.has_value()) {
      const absl::StatusOr<at::Tensor> weight =
          context.checkpoint.LinearWeight(module, context.dtype);
      if (!weight.ok()) return weight.status();
      weights.push_back(weight->narrow(0, outputs.begin, outputs.size()));
    }
    if (!has_bias) continue;
    const absl::StatusOr<at::Tensor> bias = context.Tensor(module + ".bias");
    if (!bias.ok()) return bias.status();
    biases.push_back(bias->narrow(0, outputs.begin, outputs.size()));
  }
  if (!weights.empty()) projection.weight = at::cat(weights).to(context.device);
  if (has_bias) projection.bias = at::cat(biases);
  return projection;
}

absl::StatusOr<Projection> Projection::LoadInputs(const LoadContext& context,
                                                  const std::string& module, Range inputs,
                                                  bool has_bias) {
  Projection projection;
  absl::Status status = LoadTilesOf(context, {{module, std::nullopt, inputs}}, projection);
  if (!status.ok()) return status;
  if (!projection.tiles.has_value()) {
    const absl::StatusOr<at::Tensor> weight =
        context.checkpoint.LinearWeight(module, context.dtype);
    if (!weight.ok()) return weight.status();
    projection.weight =
        weight->narrow(1, inputs.begin, inputs.size()).contiguous().to(context.device);
  }
  if (!has_bias) return projection;
  absl::StatusOr<at::Tensor> bias = context.Tensor(module + ".bias");
  if (!bias.ok()) return bias.status();
  projection.bias = *std::move(bias);
  return projection;
}

}  // namespace forensics::runner
