// A linear layer, or several with the same input whose outputs are computed in one product.
#ifndef RUNNER_MODEL_PROJECTION_H_
#define RUNNER_MODEL_PROJECTION_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/ops/linear.h"

namespace forensics::runner {

struct Projection {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined

  // Concatenates the outputs of `modules` in order. Errors are the checkpoint's.
  static absl::StatusOr<Projection> Load(const Checkpoint& checkpoint,
                                         const std::vector<std::string>& modules, bool has_bias,
                                         at::ScalarType dtype);

  // x [rows, in] -> [rows, out].
  at::Tensor operator()(const at::Tensor& x) const { return Linear(x, weight, bias); }
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_PROJECTION_H_
