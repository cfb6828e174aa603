#include "analyzer/comparison/bit_changes.h"

#include <algorithm>
#include <cstdlib>

#include "analyzer/comparison/bit_counts.h"
#include "analyzer/comparison/float_bits.h"

namespace forensics::analyzer {
namespace {

constexpr uint32_t kSignBit = 0x80000000;
constexpr uint32_t kExponentBits = 0x7f800000;
constexpr size_t kBfloat16Shift = 16;

// Bits of a value as an integer that grows with the value.
int64_t Ordered(uint32_t bits) {
  const int64_t magnitude = bits & ~kSignBit;
  return (bits & kSignBit) == 0 ? magnitude : -magnitude;
}

uint64_t Distance(uint32_t a, uint32_t b) {
  return static_cast<uint64_t>(std::abs(Ordered(a) - Ordered(b)));
}

size_t BitLength(uint64_t value) {
  return value == 0 ? 0 : static_cast<size_t>(64 - __builtin_clzll(value));
}

}  // namespace

uint64_t UlpDistance(float a, float b) { return Distance(Bits(a), Bits(b)); }

const char* NumberFormatName(NumberFormat format) {
  switch (format) {
    case NumberFormat::kBfloat16:
      return "bfloat16";
    case NumberFormat::kFloat16:
      return "float16";
    case NumberFormat::kFloat32:
      break;
  }
  return "float32";
}

std::vector<int64_t> UlpStatistics::FilledBins() const {
  const auto is_filled = [](int64_t count) { return count > 0; };
  const auto last = std::find_if(histogram.rbegin(), histogram.rend(), is_filled);
  return {histogram.begin(), last.base()};
}

void BitChanges::Add(float a, float b) {
  const uint32_t bits_a = Bits(a);
  const uint32_t bits_b = Bits(b);
  const uint32_t differing = bits_a ^ bits_b;
  bits_seen_ |= bits_a | bits_b;
  ++elements;
  if (differing == 0) {
    ++histogram_[0];
    return;
  }
  ++changed;
  ++((differing & kSignBit) != 0 ? sign : (differing & kExponentBits) != 0 ? exponent : mantissa);
  const uint64_t distance = Distance(bits_a, bits_b);
  largest_ = std::max(largest_, distance);
  sum_ += distance;
  ++histogram_[BitLength(distance)];
}

void BitChanges::Add(absl::Span<const float> a, absl::Span<const float> b) {
  static_assert(BitCounts::kBins == UlpStatistics::kBins);
  const BitCounts counts = CountBits(a, b);
  elements += static_cast<int64_t>(a.size());
  changed += counts.changed;
  sign += counts.sign;
  exponent += counts.exponent;
  mantissa += counts.changed - counts.sign - counts.exponent;
  bits_seen_ |= counts.bits_seen;
  largest_ = std::max(largest_, counts.largest);
  sum_ += counts.sum;
  for (size_t bin = 0; bin < histogram_.size(); ++bin) histogram_[bin] += counts.histogram[bin];
}

void BitChanges::AddUnchanged(size_t count, uint32_t bits_seen) {
  elements += static_cast<int64_t>(count);
  histogram_[0] += static_cast<int64_t>(count);
  bits_seen_ |= bits_seen;
}

void BitChanges::Add(const BitChanges& other) {
  elements += other.elements;
  changed += other.changed;
  sign += other.sign;
  exponent += other.exponent;
  mantissa += other.mantissa;
  bits_seen_ |= other.bits_seen_;
  largest_ = std::max(largest_, other.largest_);
  sum_ += other.sum_;
  for (size_t bin = 0; bin < histogram_.size(); ++bin) histogram_[bin] += other.histogram_[bin];
}

std::optional<double> BitChanges::share_changed() const {
  if (elements == 0) return std::nullopt;
  return static_cast<double>(changed) / static_cast<double>(elements);
}

UlpStatistics BitChanges::Ulps(NumberFormat format) const {
  const bool is_bfloat16 = format == NumberFormat::kBfloat16 && FitBfloat16();
  return is_bfloat16 ? InUnits(NumberFormat::kBfloat16, kBfloat16Shift)
                     : InUnits(NumberFormat::kFloat32, 0);
}

UlpStatistics BitChanges::InUnits(NumberFormat format, size_t shift) const {
  UlpStatistics ulps;
  ulps.format = format;
  ulps.largest = largest_ >> shift;
  if (elements > 0) {
    ulps.mean = static_cast<double>(sum_ >> shift) / static_cast<double>(elements);
  }
  // Such distances have no bin from 1 up to the shift.
  ulps.histogram[0] = histogram_[0];
  for (size_t bin = 1; bin + shift < histogram_.size(); ++bin) {
    ulps.histogram[bin] = histogram_[bin + shift];
  }
  return ulps;
}

}  // namespace forensics::analyzer
