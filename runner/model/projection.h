// A linear layer, or several with the same input whose outputs are computed in one product; whole,
// or the part that a rank of tensor parallelism holds.
#ifndef RUNNER_MODEL_PROJECTION_H_
#define RUNNER_MODEL_PROJECTION_H_

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/model/load_context.h"
#include "runner/ops/cuda/dequantize.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/ops/linear.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

// Outputs [outputs.begin, outputs.end) of the linear layer `module`.
struct OutputSlice {
  std::string module;
  Range outputs;
};

struct Projection {
  at::Tensor weight;                           // [out, in]; undefined where `tiles` hold it
  std::optional<QuantizedWeight> tiles;        // on a GPU: 4 bits a weight
  at::Tensor bias;                             // [out], or undefined
  std::shared_ptr<DequantizeScratch> scratch;  // with tiles

  // Concatenates the slices of the outputs of several layers in order (column parallelism). A
  // quantised weight stays in 4 bits on a GPU where its packing and the cut allow it; elsewhere it
  // is decoded whole and then cut, so that a cut may split its groups. Errors are the checkpoint's.
  static absl::StatusOr<Projection> Load(const LoadContext& context,
                                         const std::vector<OutputSlice>& slices, bool has_bias);

  // All outputs of `module` from its inputs [inputs.begin, inputs.end) (row parallelism): the
  // products of all ranks add up to the layer's. The bias is the caller's to ask for once.
  static absl::StatusOr<Projection> LoadInputs(const LoadContext& context,
                                               const std::string& module, Range inputs,
                                               bool has_bias);

  // x [rows, in] -> [rows, out].
  at::Tensor operator()(const at::Tensor& x) const {
    return tiles.has_value() ? QuantizedLinear(x, *tiles, bias, *scratch) : Linear(x, weight, bias);
  }
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_PROJECTION_H_
