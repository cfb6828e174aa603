// The weights of linear layers that are stored quantised.
#ifndef RUNNER_CHECKPOINT_PACKED_LINEAR_H_
#define RUNNER_CHECKPOINT_PACKED_LINEAR_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/nf4.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/weight_files.h"

namespace forensics::runner {

// The tensors of one layer as they are stored, and what is needed to read them; see DecodeAwq,
// DecodeGptq and DecodeNf4. On the CPU; they may lie in mapped files.
struct AwqLinear {
  at::Tensor qweight, qzeros, scales;
};
struct GptqLinear {
  GptqTensors tensors;
  int zero_offset = 1;
};
struct Nf4Linear {
  Nf4Tensors tensors;
  Nf4Layout layout;
};
using PackedLinear = std::variant<AwqLinear, GptqLinear, Nf4Linear>;

// The tensors of `layer`, a packed one named `module`, which are in `files` as the registry says.
// Errors name file and module: a group of GPTQ's g_idx that does not exist is one.
absl::StatusOr<PackedLinear> ReadPackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant);

// Its weight [out, in], dequantised in float32, rounded once to `dtype`. Errors name file and
// module.
absl::StatusOr<at::Tensor> DecodePackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant,
                                              at::ScalarType dtype);

// The layouts of all NF4 layers in `files`. Errors name file and tensor.
absl::StatusOr<Nf4Layouts> ReadNf4Layouts(const WeightFiles& files);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_PACKED_LINEAR_H_
