#include "runner/model/projection.h"

#include <ATen/ops/cat.h>

namespace forensics::runner {

absl::StatusOr<Projection> Projection::Load(const Checkpoint& checkpoint,
                                            const std::vector<OutputSlice>& slices, bool has_bias,
                                            at::ScalarType dtype) {
  std::vector<at::Tensor> weights, biases;
  for (const auto& [module, outputs] : slices) {
    const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, dtype);
    if (!weight.ok()) return weight.status();
    weights.push_back(weight->narrow(0, outputs.begin, outputs.size()));
    if (!has_bias) continue;
    const absl::StatusOr<at::Tensor> bias = checkpoint.Tensor(module + ".bias", dtype);
    if (!bias.ok()) return bias.status();
    biases.push_back(bias->narrow(0, outputs.begin, outputs.size()));
  }
  Projection projection;
  projection.weight = at::cat(weights);
  if (has_bias) projection.bias = at::cat(biases);
  return projection;
}

absl::StatusOr<Projection> Projection::LoadInputs(const Checkpoint& checkpoint,
                                                  const std::string& module, Range inputs,
                                                  bool has_bias, at::ScalarType dtype) {
  const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, dtype);
  if (!weight.ok()) return weight.status();
  Projection projection;
  projection.weight = weight->narrow(1, inputs.begin, inputs.size()).contiguous();
  if (!has_bias) return projection;
  absl::StatusOr<at::Tensor> bias = checkpoint.Tensor(module + ".bias", dtype);
  if (!bias.ok()) return bias.status();
  projection.bias = *std::move(bias);
  return projection;
}

}  // namespace forensics::runner
