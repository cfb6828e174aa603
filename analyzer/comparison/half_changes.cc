#include "analyzer/comparison/half_changes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace forensics::analyzer {
namespace {

constexpr uint32_t kSignBit = 0x8000;
constexpr uint32_t kExponentBits = 0x7c00;

// Bits of a float16 as an integer that grows with the value.
int64_t Ordered(uint16_t pattern) {
  const int64_t magnitude = pattern & ~kSignBit;
  return (pattern & kSignBit) == 0 ? magnitude : -magnitude;
}

size_t BitLength(uint64_t value) {
  return value == 0 ? 0 : static_cast<size_t>(64 - __builtin_clzll(value));
}

}  // namespace

std::optional<uint16_t> HalfPattern(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const uint32_t sign = bits >> 16 & kSignBit;
  const uint32_t mantissa = bits & 0x7fffff;
  const int exponent = static_cast<int>(bits >> 23 & 0xff) - 127;
  if ((bits & 0x7fffffff) == 0) return static_cast<uint16_t>(sign);
  if (exponent > 15 || exponent < -24) return std::nullopt;
  // In units of the last place, which is 2^-24 below 2^-14.
  const int shift = exponent >= -14 ? 13 : -1 - exponent;
  const uint32_t whole = 0x800000 | mantissa;
  if ((whole & ((1u << shift) - 1)) != 0) return std::nullopt;
  // The leading bit of a normal number adds one to its exponent.
  const uint32_t below = exponent >= -14 ? static_cast<uint32_t>(exponent + 14) << 10 : 0;
  return static_cast<uint16_t>(sign | (below + (whole >> shift)));
}

void HalfChanges::Add(float a, float b) {
  const std::optional<uint16_t> half_a = HalfPattern(a);
  const std::optional<uint16_t> half_b = HalfPattern(b);
  fit_ = fit_ && half_a.has_value() && half_b.has_value();
  if (!fit_) return;
  ++elements_;
  const uint32_t differing = *half_a ^ *half_b;
  if (differing != 0) {
    ++((differing & kSignBit) != 0        ? sign_
       : (differing & kExponentBits) != 0 ? exponent_
                                          : mantissa_);
  }
  const auto distance = static_cast<uint64_t>(std::abs(Ordered(*half_a) - Ordered(*half_b)));
  largest_ = std::max(largest_, distance);
  sum_ += distance;
  ++histogram_[BitLength(distance)];
}

void HalfChanges::Add(const HalfChanges& other) {
  fit_ = fit_ && other.fit_;
  elements_ += other.elements_;
  sign_ += other.sign_;
  exponent_ += other.exponent_;
  mantissa_ += other.mantissa_;
  largest_ = std::max(largest_, other.largest_);
  sum_ += other.sum_;
  for (size_t bin = 0; bin < histogram_.size(); ++bin) histogram_[bin] += other.histogram_[bin];
}

UlpStatistics HalfChanges::Ulps() const {
  UlpStatistics ulps;
  ulps.format = NumberFormat::kFloat16;
  ulps.largest = largest_;
  if (elements_ > 0) ulps.mean = static_cast<double>(sum_) / static_cast<double>(elements_);
  ulps.histogram = histogram_;
  return ulps;
}

void HalfChanges::Split(BitChanges& changes) const {
  changes.sign = sign_;
  changes.exponent = exponent_;
  changes.mantissa = mantissa_;
}

}  // namespace forensics::analyzer
