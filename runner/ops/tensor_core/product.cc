#include "runner/ops/tensor_core/product.h"

#include <emmintrin.h>

#include <algorithm>
#include <iterator>

namespace forensics::runner {
namespace {

// Rows that share a pass over a panel.
constexpr int64_t kRowTile = 32;

// A product of two significands has the core's fraction bits behind its point: b takes as many of
// them as leave 16 bits and a sign for either.
int ShiftOfA(InputFormat format) { return format == InputFormat::kBfloat16 ? 7 : 3; }

int ShiftOfB(const TensorCore& core, InputFormat format) {
  return core.fraction_bits - 2 * FractionBits(format) - ShiftOfA(format);
}

InputLayout LayoutOf(InputFormat format, int shift) {
  return {FractionBits(format), format == InputFormat::kBfloat16 ? 0xff : 0x1f, shift};
}

int64_t RoundUp(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

// Whether there is an infinity or NaN. Without a branch, for vectors.
bool HasSpecial(InputFormat format, const uint16_t* values, int64_t count) {
  const InputLayout layout = LayoutOf(format, 0);
  const auto infinity = static_cast<uint16_t>(layout.exponents << layout.fraction_bits);
  uint16_t found = 0;
  for (int64_t i = 0; i < count; ++i) found |= (values[i] & infinity) == infinity ? 1 : 0;
  return found != 0;
}

// The lower 16 bits of signed significands, and exponents, as the kernels take A. Without a branch,
// for vectors.
void TakeApart(const InputLayout& layout, const uint16_t* values, int64_t count,
               int32_t* significands, int32_t* exponents) {
  const int32_t one = 1 << layout.fraction_bits;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t magnitude = values[i] & 0x7fff;
    const int32_t biased = magnitude >> layout.fraction_bits;
    const int32_t fraction = magnitude & (one - 1);
    const bool counts = magnitude != 0 && biased != layout.exponents;
    int32_t significand = (biased == 0 ? fraction : fraction | one) << layout.shift;
    significand = (values[i] & 0x8000) != 0 ? -significand : significand;
    significands[i] = counts ? significand & 0xffff : 0;
    exponents[i] = counts ? std::max(biased, 1) - layout.exponents / 2 : kZeroExponent;
  }
}

// Eight rows of eight numbers to columns of a panel. Interleaving the rows i and i + 4 moves the
// highest bit of the row's number to the lowest of the column's; three rounds swap the two.
void TransposeEight(const uint16_t* values, int64_t stride, uint16_t* panel) {
  __m128i rows[8], next[8];
  for (int64_t i = 0; i < 8; ++i) {
    rows[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values + i * stride));
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      next[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
      next[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
    }
    std::copy(std::begin(next), std::end(next), std::begin(rows));
  }
  for (int64_t k = 0; k < 8; ++k) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(panel + k * kPanelColumns), rows[k]);
  }
}

// panel[k, row] = values[row, k] for `rows` of a panel's rows and k < depth.
void FillPanel(const uint16_t* values, int64_t rows, int64_t depth, int64_t stride,
               uint16_t* panel) {
  const int64_t whole_rows = rows / 8 * 8, whole_depth = depth / 8 * 8;
  for (int64_t k = 0; k < whole_depth; k += 8) {
    for (int64_t row = 0; row < whole_rows; row += 8) {
      TransposeEight(values + row * stride + k, stride, panel + k * kPanelColumns + row);
    }
  }
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = row < whole_rows ? whole_depth : 0; k < depth; ++k) {
      panel[k * kPanelColumns + row] = values[row * stride + k];
    }
  }
}

}  // namespace

PackedColumns::PackedColumns(const TensorCore& core, InputFormat format, const uint16_t* values,
                             int64_t rows, int64_t depth, int64_t stride)
    : values_(values),
      rows_(rows),
      depth_(depth),
      stride_(stride),
      padded_depth_(RoundUp(depth, core.products)),
      panels_(RoundUp(rows, kPanelColumns) * padded_depth_),
      special_(rows) {
  for (int64_t row = 0; row < rows; row += kPanelColumns) {
    FillPanel(values + row * stride, std::min(kPanelColumns, rows - row), depth, stride,
              panels_.data() + row * padded_depth_);
  }
  for (int64_t row = 0; row < rows; ++row) {
    special_[row] = HasSpecial(format, values + row * stride, depth);
  }
}

struct ChainProduct::PackedRows {
  int64_t stride;
  std::vector<int32_t> significands;  // [rows, stride]
  std::vector<int32_t> exponents;
  std::vector<bool> special;
};

ChainProduct::PackedRows ChainProduct::Pack(const uint16_t* a, int64_t stride_a, int64_t rows,
                                            int64_t count) const {
  PackedRows packed;
  packed.stride = RoundUp(count, core_.products);
  packed.significands.assign(rows * packed.stride, 0);
  packed.exponents.assign(rows * packed.stride, kZeroExponent);
  const InputLayout layout = LayoutOf(format_, ShiftOfA(format_));
  for (int64_t row = 0; row < rows; ++row) {
    packed.special.push_back(HasSpecial(format_, a + row * stride_a, count));
    TakeApart(layout, a + row * stride_a, count, packed.significands.data() + row * packed.stride,
              packed.exponents.data() + row * packed.stride);
  }
  return packed;
}

void ChainProduct::Reference(const uint16_t* a, const PackedColumns& b, int64_t column,
                             int64_t begin, int64_t end, float* c) const {
  *c = ChainedDotAdd(core_, format_, a + begin, b.values_ + column * b.stride_ + begin, end - begin,
                     *c);
}

void ChainProduct::Run(const uint16_t* a, int64_t stride_a, int64_t rows, const PackedColumns& b,
                       int64_t first, int64_t last, int64_t begin, int64_t end, float* c,
                       int64_t stride_c) const {
  float tile[kRowTile * kPanelColumns];
  for (int64_t row = 0; row < rows; row += kRowTile) {
    const int64_t tile_rows = std::min(kRowTile, rows - row);
    const PackedRows packed = Pack(a + row * stride_a + begin, stride_a, tile_rows, end - begin);
    for (int64_t panel = first / kPanelColumns * kPanelColumns; panel < last;
         panel += kPanelColumns) {
      const int64_t from = std::max(first, panel);
      const int64_t to = std::min(last, panel + kPanelColumns);
      std::fill(tile, tile + tile_rows * kPanelColumns, 0.0f);
      for (int64_t i = 0; i < tile_rows; ++i) {
        for (int64_t j = from; j < to; ++j) {
          tile[i * kPanelColumns + j - panel] = c[(row + i) * stride_c + j];
        }
      }
      if (kernel_ != nullptr) {
        const int64_t offset = panel * b.padded_depth_ + begin * kPanelColumns;
        kernel_({packed.significands.data(), packed.exponents.data(), packed.stride, tile_rows,
                 b.panels_.data() + offset, LayoutOf(format_, ShiftOfB(core_, format_)),
                 packed.stride, core_.fraction_bits, tile});
      }
      for (int64_t i = 0; i < tile_rows; ++i) {
        for (int64_t j = from; j < to; ++j) {
          float* out = c + (row + i) * stride_c + j;
          if (kernel_ == nullptr || packed.special[i] || b.special_[j]) {
            Reference(a + (row + i) * stride_a, b, j, begin, end, out);
          } else {
            *out = tile[i * kPanelColumns + j - panel];
          }
        }
      }
    }
  }
}

}  // namespace forensics::runner
