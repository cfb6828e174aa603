// How the bits of two vectors differ, in the number format that they were computed in.
#ifndef ANALYZER_COMPARISON_BIT_CHANGES_H_
#define ANALYZER_COMPARISON_BIT_CHANGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace forensics::analyzer {

// Number of float32 values from `a` to `b`, 0.0 and -0.0 being one. Both are finite.
uint64_t UlpDistance(float a, float b);

enum class NumberFormat { kFloat32, kBfloat16, kFloat16 };

// "float32", "bfloat16", "float16".
const char* NumberFormatName(NumberFormat format);

// ULP distances in the units of one number format. A bin is the distance's length in bits: bin 0
// counts elements without a distance, bin k those from 2^(k-1) up to 2^k - 1.
struct UlpStatistics {
  static constexpr int kBins = 34;

  NumberFormat format = NumberFormat::kFloat32;
  uint64_t largest = 0;
  double mean = 0;  // over all elements, unchanged ones too; 0 if there is none
  std::array<int64_t, kBins> histogram = {};

  // The histogram up to the last bin that is not empty.
  std::vector<int64_t> FilledBins() const;
};

// Counts over the elements of any number of vector pairs.
//
// A bfloat16 number is a float32 with 16 zero bits at its end, so that all is counted in float32,
// and distances in bfloat16 are the same integers without those bits: which of the two formats the
// values have need not be known before the last has been seen.
class BitChanges {
 public:
  // Both are finite.
  void Add(float a, float b);
  // Element by element; of the same length.
  void Add(absl::Span<const float> a, absl::Span<const float> b);
  // So many elements that are the same in both; `bits_seen`: of all of them, or-ed.
  void AddUnchanged(size_t count, uint32_t bits_seen);
  void Add(const BitChanges& other);

  int64_t elements = 0;
  int64_t changed = 0;  // other bits; 0.0 and -0.0 differ
  // Of the changed ones, by the foremost part that differs: sign, exponent, or mantissa alone.
  int64_t sign = 0;
  int64_t exponent = 0;
  int64_t mantissa = 0;

  // None without elements.
  std::optional<double> share_changed() const;

  // Whether every value seen is a bfloat16 number.
  bool FitBfloat16() const { return (bits_seen_ & 0xffff) == 0; }
  // In bfloat16 units if `format` says so and all values are bfloat16 numbers, else in float32's.
  UlpStatistics Ulps(NumberFormat format) const;
  // In units of 2^shift of float32's, which all distances are multiples of: those of `format`.
  UlpStatistics InUnits(NumberFormat format, size_t shift) const;

 private:
  uint32_t bits_seen_ = 0;  // of all values, or-ed
  uint64_t largest_ = 0;    // float32 units
  uint64_t sum_ = 0;        // float32 units
  std::array<int64_t, UlpStatistics::kBins> histogram_ = {};
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_BIT_CHANGES_H_
