// AWQ's "gemm" packing of a linear layer: 4-bit integers with a scale and a zero point for each
// output and group of inputs. Source: AutoAWQ, awq/utils/packing_utils.py.
#ifndef RUNNER_CHECKPOINT_AWQ_H_
#define RUNNER_CHECKPOINT_AWQ_H_

#include <ATen/core/Tensor.h>

#include <array>

#include "absl/status/statusor.h"

namespace forensics::runner {

// Nibble i (from the low end) of word c belongs to output 8 * c + kAwqOrder[i].
inline constexpr std::array<int, 8> kAwqOrder = {0, 2, 4, 6, 1, 3, 5, 7};

// The weight [out, in]: (q - zero) * scale in float32, where it is exact for 16-bit scales, then
// rounded once to `dtype` (float32, float16 or bfloat16). On the CPU, in at::parallel_for.
//   qweight [in, out / 8] int32, qzeros [groups, out / 8] int32,
//   scales [groups, out] float16, bfloat16 or float32; in is a multiple of groups.
// Errors: other shapes or dtypes.
absl::StatusOr<at::Tensor> DecodeAwq(const at::Tensor& qweight, const at::Tensor& qzeros,
                                     const at::Tensor& scales, at::ScalarType dtype);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_AWQ_H_
