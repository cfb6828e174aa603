#include "runner/ops/emulated/quantized_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runner/ops/emulated/column_blocks.h"
#include "runner/ops/tensor_core/product.h"

namespace forensics::runner {
namespace {

constexpr int64_t kChainColumns = 64;
constexpr int64_t kFour = 4;  // columns side by side that stay so

// Where the fours of a group's columns begin, in the order in which the first chain, then the
// second takes them, 16 columns an instruction: instruction (c, t) has 64 c + 16 q + 4 t + {0, 1,
// 2, 3} for q = 0 to 3.
std::array<int64_t, kGroupColumns / kFour> ChainOrder(QuantizedFormat format) {
  std::array<int64_t, kGroupColumns / kFour> order;
  auto next = order.begin();
  const auto add_instruction = [&next](int64_t c, int64_t t) {
    for (int64_t q = 0; q < 4; ++q) *next++ = 64 * c + 16 * q + 4 * t;
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

// values [rows, columns] with each group's columns in that order.
std::vector<uint16_t> Ordered(QuantizedFormat format, const uint16_t* values, int64_t rows,
                              int64_t columns) {
  const auto order = ChainOrder(format);
  std::vector<uint16_t> ordered(rows * columns);
  auto out = ordered.begin();
  for (int64_t group = 0; group < rows * columns; group += kGroupColumns) {
    for (const int64_t four : order) out = std::copy_n(values + group + four, kFour, out);
  }
  return ordered;
}

// Some of a weight's rows, times all tokens.
class RowsProduct {
 public:
  // inputs: Ordered, [tokens, columns].
  RowsProduct(const TensorCore& core, const QuantizedMatrix& weight, int64_t first, int64_t last,
              const std::vector<uint16_t>& inputs)
      : weight_(weight),
        first_(first),
        rows_(last - first),
        inputs_(inputs),
        tokens_(static_cast<int64_t>(inputs.size()) / weight.columns),
        ordered_(Ordered(weight.format, weight.values.get() + first * weight.columns, rows_,
                         weight.columns)),
        packed_(core, InputFormat::kBfloat16, ordered_.data(), rows_, weight.columns,
                weight.columns),
        product_(core, InputFormat::kBfloat16),
        chains_{std::vector<float>(tokens_ * rows_), std::vector<float>(tokens_ * rows_)} {}

  // [tokens, last - first].
  std::vector<float> Run(const WarpGroups& warps) {
    const int64_t outputs = tokens_ * rows_;
    std::vector<float> sums(outputs), part(outputs);
    for (size_t warp = 0; warp < warps.size(); ++warp) {
      std::fill(part.begin(), part.end(), 0.0f);
      for (const int64_t group : warps[warp]) AddGroup(group, part);
      for (int64_t i = 0; i < outputs; ++i) sums[i] = warp == 0 ? part[i] : sums[i] + part[i];
    }
    return sums;
  }

 private:
  void AddGroup(int64_t group, std::vector<float>& part) {
    for (int64_t chain = 0; chain < 2; ++chain) {
      const int64_t begin = group * kGroupColumns + chain * kChainColumns;
      std::fill(chains_[chain].begin(), chains_[chain].end(), 0.0f);
      product_.Run(inputs_.data(), weight_.columns, tokens_, packed_, 0, rows_, begin,
                   begin + kChainColumns, chains_[chain].data(), rows_);
    }
    for (int64_t i = 0; i < tokens_ * rows_; ++i) {
      const int64_t row = first_ + i % rows_;
      if (weight_.format == QuantizedFormat::kNf4) {
        const float* scale = &weight_.scales[row * (weight_.columns / kChainColumns) + 2 * group];
        part[i] = std::fma(scale[0], chains_[0][i], part[i]);
        part[i] = std::fma(scale[1], chains_[1][i], part[i]);
      } else {
        const float scale = weight_.scales[row * (weight_.columns / kGroupColumns) + group];
        part[i] = std::fma(scale, chains_[0][i] + chains_[1][i], part[i]);
      }
    }
  }

  const QuantizedMatrix& weight_;
  const int64_t first_;
  const int64_t rows_;
  const std::vector<uint16_t>& inputs_;
  const int64_t tokens_;
  const std::vector<uint16_t> ordered_;
  const PackedColumns packed_;
  const ChainProduct product_;
  std::vector<float> chains_[2];  // each [tokens, rows]
};

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

std::vector<float> MultiplyQuantized(const TensorCore& core, const QuantizedMatrix& weight,
                                     const uint16_t* x, int64_t tokens, const WarpGroups& warps,
                                     ParallelForFunction parallel_for) {
  const std::vector<uint16_t> inputs = Ordered(weight.format, x, tokens, weight.columns);
  std::vector<float> sums(tokens * weight.rows);
  ForColumnBlocks(weight.rows, parallel_for, [&](int64_t first, int64_t last) {
    const std::vector<float> block = RowsProduct(core, weight, first, last, inputs).Run(warps);
    for (int64_t token = 0; token < tokens; ++token) {
      std::copy_n(block.begin() + token * (last - first), last - first,
                  sums.begin() + token * weight.rows + first);
    }
  });
  return sums;
}

}  // namespace forensics::runner
