// How two vectors of float32 differ; all arithmetic is float64.
#ifndef ANALYZER_VECTOR_DIFFERENCE_H_
#define ANALYZER_VECTOR_DIFFERENCE_H_

#include <cstdint>

#include "absl/types/span.h"

namespace forensics::analyzer {

struct VectorDifference {
  bool finite = true;  // false: a NaN or infinity in either vector; the rest is then void
  double l2 = 0;       // Euclidean norm of a - b
  double norm_a = 0;
  double largest_absolute = 0;
  uint64_t largest_ulps = 0;  // largest UlpDistance
  int64_t elements = 0;
  int64_t elements_changed = 0;  // other bits; 0.0 and -0.0 differ
};

// `a` and `b` have the same length.
VectorDifference Difference(absl::Span<const float> a, absl::Span<const float> b);

// Number of float32 values from `a` to `b`, 0.0 and -0.0 being one. Both are finite.
uint64_t UlpDistance(float a, float b);

}  // namespace forensics::analyzer

#endif  // ANALYZER_VECTOR_DIFFERENCE_H_
