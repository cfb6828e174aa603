// The counts of BitChanges over two vectors, sixteen elements at once.
#ifndef ANALYZER_COMPARISON_BIT_COUNTS_H_
#define ANALYZER_COMPARISON_BIT_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace forensics::analyzer {

// What BitChanges keeps, under the names that it has there.
struct BitCounts {
  static constexpr size_t kBins = 34;

  int64_t changed = 0;
  int64_t sign = 0;
  int64_t exponent = 0;
  uint32_t bits_seen = 0;
  uint64_t largest = 0;
  uint64_t sum = 0;
  std::array<int64_t, kBins> histogram = {};
};

// `a` and `b` have the same length and are finite.
BitCounts CountBits(absl::Span<const float> a, absl::Span<const float> b);

// Or-ed bits, and whether none is a NaN or infinity.
struct BitsSeen {
  uint32_t bits = 0;
  bool finite = true;
};

BitsSeen LookAtBits(absl::Span<const float> values);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_BIT_COUNTS_H_
