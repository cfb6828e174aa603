// GPTQ's packing of a linear layer: 4-bit integers with a scale and a zero point for each output
// and group of inputs, where g_idx gives each input's group. Sources: AutoGPTQ,
// auto_gptq/nn_modules/qlinear/qlinear_cuda_old.py; GPTQModel, gptqmodel/nn_modules/qlinear.
#ifndef RUNNER_CHECKPOINT_GPTQ_H_
#define RUNNER_CHECKPOINT_GPTQ_H_

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace forensics::runner {

struct GptqTensors {
  at::Tensor qweight;  // int32 [in / 8, out]; nibble i (from the low end) of row r is input 8 r + i
  at::Tensor qzeros;   // int32 [groups, out / 8]; nibble i of word c belongs to output 8 c + i
  at::Tensor scales;   // float16, bfloat16 or float32 [groups, out]
  at::Tensor g_idx;    // int32 [in], each in [0, groups), in any order
};

// What DecodeGptq refuses of the tensors: other shapes or dtypes; a g_idx out of range.
absl::Status CheckGptq(const GptqTensors& tensors);

// The weight [out, in]: (q - (zero + zero_offset)) * scale in float32, where it is exact for 16-bit
// scales, then rounded once to `dtype` (float32, float16 or bfloat16). zero_offset is 1 in version
// 1 of the format, 0 in version 2. On the CPU, in at::parallel_for.
// Errors: CheckGptq's; another dtype.
absl::StatusOr<at::Tensor> DecodeGptq(const GptqTensors& tensors, int zero_offset,
                                      at::ScalarType dtype);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_GPTQ_H_
