#include "runner/model/projection.h"

#include <ATen/ops/cat.h>

namespace forensics::runner {

absl::StatusOr<Projection> Projection::Load(const Checkpoint& checkpoint,
                                            const std::vector<std::string>& modules, bool has_bias,
                                            at::ScalarType dtype) {
  std::vector<at::Tensor> weights, biases;
  for (const std::string& module : modules) {
    absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, dtype);
    if (!weight.ok()) return weight.status();
    weights.push_back(*std::move(weight));
    if (!has_bias) continue;
    absl::StatusOr<at::Tensor> bias = checkpoint.Tensor(module + ".bias", dtype);
    if (!bias.ok()) return bias.status();
    biases.push_back(*std::move(bias));
  }
  Projection projection;
  projection.weight = at::cat(weights);
  if (has_bias) projection.bias = at::cat(biases);
  return projection;
}

}  // namespace forensics::runner
