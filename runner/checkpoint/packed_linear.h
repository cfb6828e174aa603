// The weights of linear layers that are stored quantised.
#ifndef RUNNER_CHECKPOINT_PACKED_LINEAR_H_
#define RUNNER_CHECKPOINT_PACKED_LINEAR_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/weight_files.h"

namespace forensics::runner {

// The weight [out, in] of `layer`, a packed one named `module`, whose tensors are in `files` as the
// registry says; dequantised in float32, rounded once to `dtype`. Errors name file and module.
absl::StatusOr<at::Tensor> DecodePackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant,
                                              at::ScalarType dtype);

// The layouts of all NF4 layers in `files`. Errors name file and tensor.
absl::StatusOr<Nf4Layouts> ReadNf4Layouts(const WeightFiles& files);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_PACKED_LINEAR_H_
