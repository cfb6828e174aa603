// Sums over two vectors, eight lanes of float64 at once.
#ifndef ANALYZER_COMPARISON_VECTOR_SUMS_H_
#define ANALYZER_COMPARISON_VECTOR_SUMS_H_

#include "absl/types/span.h"

namespace forensics::analyzer {

struct VectorSums {
  double squares_a = 0;
  double squares_b = 0;
  double squares_delta = 0;  // of a - b
  double products = 0;       // of a and b
  double largest_delta = 0;  // absolute
};

// `a` and `b` have the same length. The sums are compensated (compensated_sum.h): they have the
// digits that any order of the terms has. The squares' sums of a vector with a NaN or infinity are
// not finite, and the rest is then void.
VectorSums AddUp(absl::Span<const float> a, absl::Span<const float> b);

// The same for the squares of one vector.
double SumOfSquares(absl::Span<const float> values);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_VECTOR_SUMS_H_
