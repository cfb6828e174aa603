#include "runner/ops/emulated/quantized_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace forensics::runner {
namespace {

constexpr int64_t kChainColumns = 64;

// The columns of a group in the order in which the first chain, then the second takes them, 16 an
// instruction: instruction (c, t) has 64 c + 16 q + 4 t + {0, 1, 2, 3} for q = 0 to 3.
std::array<int64_t, kGroupColumns> ChainOrder(QuantizedFormat format) {
  std::array<int64_t, kGroupColumns> order;
  auto next = order.begin();
  const auto add_instruction = [&next](int64_t c, int64_t t) {
    for (int64_t q = 0; q < 4; ++q) {
      for (int64_t j = 0; j < 4; ++j) *next++ = 64 * c + 16 * q + 4 * t + j;
    }
  };
  for (int64_t chain = 0; chain < 2; ++chain) {
    for (int64_t i = 0; i < 4; ++i) {
      if (format == QuantizedFormat::kNf4) {
        add_instruction(chain, i);
      } else {
        add_instruction(i / 2, i % 2 * 2 + chain);
      }
    }
  }
  return order;
}

std::vector<uint16_t> Ordered(QuantizedFormat format, const uint16_t* values, int64_t rows,
                              int64_t columns) {
  const std::array<int64_t, kGroupColumns> order = ChainOrder(format);
  std::vector<uint16_t> ordered(rows * columns);
  for (int64_t i = 0; i < rows * columns; ++i) {
    ordered[i] = values[i / kGroupColumns * kGroupColumns + order[i % kGroupColumns]];
  }
  return ordered;
}

}  // namespace

WarpGroups ConsecutiveGroups(int64_t columns, int64_t warps) {
  const int64_t groups = columns / kGroupColumns;
  const int64_t parts = std::min(warps, groups);
  WarpGroups of_warp(parts);
  for (int64_t g = 0; g < groups; ++g) of_warp[g / (groups / parts)].push_back(g);
  return of_warp;
}

WarpGroups StridedGroups(int64_t columns, int64_t warps) {
  WarpGroups of_warp(warps);
  for (int64_t g = 0; g < columns / kGroupColumns; ++g) of_warp[g % warps].push_back(g);
  return of_warp;
}

QuantizedMatrix::QuantizedMatrix(const TensorCore& core, QuantizedFormat format, int64_t rows,
                                 int64_t columns, const uint16_t* values, std::vector<float> scales)
    : core_(core),
      format_(format),
      rows_(rows),
      columns_(columns),
      scales_(std::move(scales)),
      ordered_(Ordered(format, values, rows, columns)),
      packed_(core, InputFormat::kBfloat16, ordered_.data(), rows, columns, columns) {}

std::vector<float> QuantizedMatrix::Multiply(const uint16_t* x, int64_t tokens,
                                             const WarpGroups& warps) const {
  const std::vector<uint16_t> inputs = Ordered(format_, x, tokens, columns_);
  const ChainProduct product(core_, InputFormat::kBfloat16);
  const int64_t outputs = tokens * rows_;
  std::vector<float> sums(outputs), part(outputs), first(outputs), second(outputs);
  const auto chain = [&](int64_t begin, std::vector<float>& out) {
    std::fill(out.begin(), out.end(), 0.0f);
    product.Run(inputs.data(), columns_, tokens, packed_, 0, rows_, begin, begin + kChainColumns,
                out.data(), rows_);
  };
  for (size_t warp = 0; warp < warps.size(); ++warp) {
    std::fill(part.begin(), part.end(), 0.0f);
    for (const int64_t group : warps[warp]) {
      chain(group * kGroupColumns, first);
      chain(group * kGroupColumns + kChainColumns, second);
      for (int64_t i = 0; i < outputs; ++i) {
        if (format_ == QuantizedFormat::kNf4) {
          const float* scale = &scales_[i % rows_ * (columns_ / kChainColumns) + 2 * group];
          part[i] = std::fma(scale[0], first[i], part[i]);
          part[i] = std::fma(scale[1], second[i], part[i]);
        } else {
          const float scale = scales_[i % rows_ * (columns_ / kGroupColumns) + group];
          part[i] = std::fma(scale, first[i] + second[i], part[i]);
        }
      }
    }
    for (int64_t i = 0; i < outputs; ++i) sums[i] = warp == 0 ? part[i] : sums[i] + part[i];
  }
  return sums;
}

}  // namespace forensics::runner
