#include "runner/ops/tensor_core/product.h"

#include <algorithm>

namespace forensics::runner {
namespace {

// Rows that share a pass over a panel.
constexpr int64_t kRowTile = 32;

struct Packed {
  int32_t significand;
  int32_t exponent;
};

// A product of two packed significands has the core's fraction bits behind its point: b takes as
// many of them as leave 16 bits and a sign for either.
int ShiftOfA(InputFormat format) { return format == InputFormat::kBfloat16 ? 7 : 3; }

int ShiftOfB(const TensorCore& core, InputFormat format) {
  return core.fraction_bits - 2 * FractionBits(format) - ShiftOfA(format);
}

// Infinities and NaN are packed as zero; they are dealt with apart.
Packed Pack(InputFormat format, uint16_t bits, int shift) {
  if (!IsFinite(format, bits)) return {0, kZeroExponent};
  const FiniteInput input = Unpack(format, bits);
  if (input.significand == 0) return {0, kZeroExponent};
  const int32_t magnitude = static_cast<int32_t>(input.significand << shift);
  return {input.negative ? -magnitude : magnitude, input.exponent};
}

int64_t RoundUp(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

bool HasSpecial(InputFormat format, const uint16_t* values, int64_t count) {
  return std::any_of(values, values + count,
                     [format](uint16_t bits) { return !IsFinite(format, bits); });
}

}  // namespace

PackedColumns::PackedColumns(const TensorCore& core, InputFormat format, const uint16_t* values,
                             int64_t rows, int64_t depth, int64_t stride)
    : values_(values),
      rows_(rows),
      depth_(depth),
      stride_(stride),
      padded_depth_(RoundUp(depth, core.products)) {
  const int64_t padded_rows = RoundUp(rows, kPanelColumns);
  significands_.assign(padded_rows * padded_depth_, 0);
  exponents_.assign(padded_rows * padded_depth_, kZeroExponent);
  special_.resize(rows);
  const int shift = ShiftOfB(core, format);
  for (int64_t row = 0; row < rows; ++row) {
    special_[row] = HasSpecial(format, values + row * stride, depth);
    const int64_t panel = row / kPanelColumns * padded_depth_ * kPanelColumns + row % kPanelColumns;
    for (int64_t k = 0; k < depth; ++k) {
      const Packed packed = Pack(format, values[row * stride + k], shift);
      significands_[panel + k * kPanelColumns] = packed.significand;
      exponents_[panel + k * kPanelColumns] = packed.exponent;
    }
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
  const int shift = ShiftOfA(format_);
  for (int64_t row = 0; row < rows; ++row) {
    packed.special.push_back(HasSpecial(format_, a + row * stride_a, count));
    for (int64_t k = 0; k < count; ++k) {
      const Packed value = runner::Pack(format_, a[row * stride_a + k], shift);
      packed.significands[row * packed.stride + k] = value.significand & 0xffff;
      packed.exponents[row * packed.stride + k] = value.exponent;
    }
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
                 b.significands_.data() + offset, b.exponents_.data() + offset, packed.stride,
                 core_.fraction_bits, tile});
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
