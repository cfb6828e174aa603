// A linear layer, or several with the same input whose outputs are computed in one product; whole,
// or the part that a rank of tensor parallelism holds.
#ifndef RUNNER_MODEL_PROJECTION_H_
#define RUNNER_MODEL_PROJECTION_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/ops/linear.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

// Outputs [outputs.begin, outputs.end) of the linear layer `module`.
struct OutputSlice {
  std::string module;
  Range outputs;
};

struct Projection {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], or undefined

  // Concatenates the slices of the outputs of several layers in order (column parallelism). A
  // quantised weight is decoded whole and then cut, so that a cut may split its groups. Errors are
  // the checkpoint's.
  static absl::StatusOr<Projection> Load(const Checkpoint& checkpoint,
                                         const std::vector<OutputSlice>& slices, bool has_bias,
                                         at::ScalarType dtype);

  // All outputs of `module` from its inputs [inputs.begin, inputs.end) (row parallelism): the
  // products of all ranks add up to the layer's. The bias is the caller's to ask for once.
  static absl::StatusOr<Projection> LoadInputs(const Checkpoint& checkpoint,
                                               const std::string& module, Range inputs,
                                               bool has_bias, at::ScalarType dtype);

  // x [rows, in] -> [rows, out].
  at::Tensor operator()(const at::Tensor& x) const { return Linear(x, weight, bias); }
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_PROJECTION_H_
