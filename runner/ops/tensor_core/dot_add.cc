#include "runner/ops/tensor_core/dot_add.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runner/ops/tensor_core/float_bits.h"

namespace forensics::runner {
namespace {

// No exponent of sums is lower: felt only where every product is below 2^-133 and c is zero.
constexpr int kLowestExponent = -133;
constexpr int kFloatFractionBits = 23;
constexpr int kMaxProducts = 16;

uint32_t Exponents(InputFormat format) { return format == InputFormat::kBfloat16 ? 0xff : 0x1f; }

bool IsZero(uint16_t bits) { return (bits & 0x7fff) == 0; }

bool IsNegative(uint16_t bits) { return bits >> 15 != 0; }

// A term before alignment: (-1)^negative * significand * 2^(exponent - fraction_bits).
struct Term {
  bool negative;
  uint64_t significand;
  int exponent;
  int fraction_bits;
};

Term Accumulator(float c) {
  const uint32_t bits = BitsOf(c);
  const uint32_t biased = bits >> kFloatFractionBits & 0xff;
  const uint32_t fraction = bits & 0x7fffff;
  return {bits >> 31 != 0, biased == 0 ? fraction : fraction | 0x800000,
          biased == 0 ? -126 : static_cast<int>(biased) - 127, kFloatFractionBits};
}

Term Product(InputFormat format, uint16_t a_bits, uint16_t b_bits) {
  const FiniteInput a = Unpack(format, a_bits);
  const FiniteInput b = Unpack(format, b_bits);
  return {a.negative != b.negative, uint64_t{a.significand} * b.significand,
          a.exponent + b.exponent, 2 * FractionBits(format)};
}

// In units of 2^(largest - fraction_bits), what lies below them cut off.
int64_t Aligned(const Term& term, int largest, int fraction_bits) {
  if (term.significand == 0) return 0;
  const int shift = largest - term.exponent;
  if (shift > 40) return 0;  // beyond every bit of a significand
  const uint64_t wide = term.significand << (fraction_bits - term.fraction_bits);
  const int64_t magnitude = static_cast<int64_t>(wide >> shift);
  return term.negative ? -magnitude : magnitude;
}

// sum * 2^exponent cut off to a float32; an infinity from 2^128 on; +0 for 0.
float Truncate(int64_t sum, int exponent) {
  if (sum == 0) return 0.0f;
  const uint64_t magnitude = static_cast<uint64_t>(sum < 0 ? -sum : sum);
  const int top = 63 - __builtin_clzll(magnitude) + exponent;  // of the leading one
  const uint32_t sign = sum < 0 ? 0x80000000 : 0;
  if (top > 127) return FloatOf(sign | 0x7f800000);
  const int unit = std::max(top, -126) - kFloatFractionBits;  // of the result's last bit
  const int drop = unit - exponent;
  const uint64_t kept = drop >= 64 ? 0 : drop >= 0 ? magnitude >> drop : magnitude << -drop;
  const uint32_t biased = top < -126 ? 0 : static_cast<uint32_t>(top + 127) << kFloatFractionBits;
  return FloatOf(sign | biased | (static_cast<uint32_t>(kept) & 0x7fffff));
}

// An infinity or NaN if there is a special value among the inputs, else 0.
float SpecialValue(InputFormat format, const uint16_t* a, const uint16_t* b, int count, float c) {
  bool nan = std::isnan(c);
  bool positive = std::isinf(c) && c > 0;
  bool negative = std::isinf(c) && c < 0;
  for (int k = 0; k < count; ++k) {
    if (IsFinite(format, a[k]) && IsFinite(format, b[k])) continue;
    if (IsNan(format, a[k]) || IsNan(format, b[k]) || IsZero(a[k]) || IsZero(b[k])) {
      nan = true;
    } else {
      (IsNegative(a[k]) != IsNegative(b[k]) ? negative : positive) = true;
    }
  }
  if (nan || (positive && negative)) return FloatOf(kTensorCoreNan);
  const float infinity = std::numeric_limits<float>::infinity();
  return positive ? infinity : negative ? -infinity : 0.0f;
}

}  // namespace

bool IsFinite(InputFormat format, uint16_t bits) {
  return (bits >> FractionBits(format) & Exponents(format)) != Exponents(format);
}

bool IsNan(InputFormat format, uint16_t bits) {
  return !IsFinite(format, bits) && (bits & ((1 << FractionBits(format)) - 1)) != 0;
}

FiniteInput Unpack(InputFormat format, uint16_t bits) {
  const uint32_t biased = bits >> FractionBits(format) & Exponents(format);
  const uint32_t one = 1u << FractionBits(format);
  const uint32_t fraction = bits & (one - 1);
  const int bias = static_cast<int>(Exponents(format) >> 1);
  return {IsNegative(bits), biased == 0 ? fraction : fraction | one,
          std::max<int>(static_cast<int>(biased), 1) - bias};
}

float FusedDotAdd(const TensorCore& core, InputFormat format, const uint16_t* a, const uint16_t* b,
                  int count, float c) {
  if (const float special = SpecialValue(format, a, b, count, c); special != 0) return special;
  Term terms[kMaxProducts + 1];
  terms[0] = Accumulator(c);
  for (int k = 0; k < count; ++k) terms[k + 1] = Product(format, a[k], b[k]);
  int largest = kLowestExponent;
  for (int i = 0; i <= count; ++i) {
    if (terms[i].significand != 0) largest = std::max(largest, terms[i].exponent);
  }
  int64_t sum = 0;
  for (int i = 0; i <= count; ++i) sum += Aligned(terms[i], largest, core.fraction_bits);
  return Truncate(sum, largest - core.fraction_bits);
}

float ChainedDotAdd(const TensorCore& core, InputFormat format, const uint16_t* a,
                    const uint16_t* b, int64_t count, float c) {
  for (int64_t k = 0; k < count; k += core.products) {
    const int products = static_cast<int>(std::min<int64_t>(core.products, count - k));
    c = FusedDotAdd(core, format, a + k, b + k, products, c);
  }
  return c;
}

}  // namespace forensics::runner
