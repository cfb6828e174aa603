// How float16 numbers differ, counted in float16. Unlike a bfloat16, a float16 number is not a
// float32 with fewer bits: its subnormals are normal ones there.
#ifndef ANALYZER_COMPARISON_HALF_CHANGES_H_
#define ANALYZER_COMPARISON_HALF_CHANGES_H_

#include <array>
#include <cstdint>
#include <optional>

#include "analyzer/comparison/bit_changes.h"

namespace forensics::analyzer {

// The bits of `value` as a float16; none if it is no finite float16 number.
std::optional<uint16_t> HalfPattern(float value);

// Counts over the elements of any number of vector pairs.
class HalfChanges {
 public:
  void Add(float a, float b);
  void Add(const HalfChanges& other);

  // Whether every value seen is a float16 number; if not, the rest is void.
  bool fit() const { return fit_; }
  UlpStatistics Ulps() const;
  // Sets the split of the changed elements to that by float16's parts.
  void Split(BitChanges& changes) const;

 private:
  bool fit_ = true;
  int64_t elements_ = 0;
  int64_t sign_ = 0;
  int64_t exponent_ = 0;
  int64_t mantissa_ = 0;
  uint64_t largest_ = 0;
  uint64_t sum_ = 0;
  std::array<int64_t, UlpStatistics::kBins> histogram_ = {};
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_HALF_CHANGES_H_
