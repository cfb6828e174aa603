#include "analyzer/comparison/half_changes.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "analyzer/comparison/float_bits.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kShift = 13;  // zero bits of a scaled number
constexpr uint32_t kSpareBits = (1u << kShift) - 1;
constexpr uint32_t kMagnitude = 0x7fffffff;
constexpr uint32_t kLargest = 0x7bffu << kShift;  // 65,504, scaled

// So many elements are scaled at once.
constexpr size_t kBlock = 1024;

// Writes the values times 2^-112; false unless all are finite float16 numbers.
bool Scale(absl::Span<const float> values, float* scaled) {
  bool fit = true;
  for (size_t i = 0; i < values.size(); ++i) {
    scaled[i] = values[i] * 0x1p-112f;
    const uint32_t bits = Bits(scaled[i]);
    // What is too small loses bits; a NaN is not equal to itself.
    fit &= scaled[i] * 0x1p112f == values[i];
    fit &= (bits & kSpareBits) == 0;
    fit &= (bits & kMagnitude) <= kLargest;
  }
  return fit;
}

}  // namespace

void HalfChanges::Add(absl::Span<const float> a, absl::Span<const float> b) {
  for (size_t i = 0; i < a.size() && fit_; i += kBlock) {
    const size_t size = std::min(kBlock, a.size() - i);
    float scaled_a[kBlock], scaled_b[kBlock];
    fit_ = Scale(a.subspan(i, size), scaled_a) && Scale(b.subspan(i, size), scaled_b);
    if (fit_) scaled_.Add({scaled_a, size}, {scaled_b, size});
  }
}

void HalfChanges::Add(const HalfChanges& other) {
  fit_ = fit_ && other.fit_;
  scaled_.Add(other.scaled_);
}

UlpStatistics HalfChanges::Ulps() const { return scaled_.InUnits(NumberFormat::kFloat16, kShift); }

void HalfChanges::Split(BitChanges& changes) const {
  changes.sign = scaled_.sign;
  changes.exponent = scaled_.exponent;
  changes.mantissa = scaled_.mantissa;
}

}  // namespace forensics::analyzer
