// Products with 4-bit weights in the order of the GPU's kernels (runner/ops/cuda/
// quantized_tiles.cuh): groups of 128 columns, in each two chains of tensor-core instructions whose
// sums are scaled in float32.
#ifndef RUNNER_OPS_EMULATED_QUANTIZED_MATRIX_H_
#define RUNNER_OPS_EMULATED_QUANTIZED_MATRIX_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/parallel_for.h"

namespace forensics::runner {

inline constexpr int64_t kGroupColumns = 128;

// Which groups a warp adds up, in order. The warps' sums are added in order.
using WarpGroups = std::vector<std::vector<int64_t>>;

// `warps` of them (or one a group, if those are fewer) with consecutive groups each.
WarpGroups ConsecutiveGroups(int64_t columns, int64_t warps);

// Warp w has the groups w, w + warps, ...
WarpGroups StridedGroups(int64_t columns, int64_t warps);

enum class QuantizedFormat {
  kInteger,  // AWQ, GPTQ: nibble - zero, a scale for 128 columns
  kNf4,      // levels, a scale for 64 columns
};

// A weight [rows, columns], unpacked. columns is a multiple of 128.
struct QuantizedMatrix {
  QuantizedFormat format;
  int64_t rows;
  int64_t columns;
  // [rows, columns], row-major: nibble - zero, or the level, as bfloat16.
  std::shared_ptr<const uint16_t[]> values;
  std::vector<float> scales;  // [rows, columns / 128 or 64]
};

// x [tokens, columns], bfloat16 -> [tokens, rows] in float32, before rounding. The bits do not
// depend on parallel_for.
std::vector<float> MultiplyQuantized(const TensorCore& core, const QuantizedMatrix& weight,
                                     const uint16_t* x, int64_t tokens, const WarpGroups& warps,
                                     ParallelForFunction parallel_for);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_QUANTIZED_MATRIX_H_
