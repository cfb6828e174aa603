// How two vectors of float32 differ; all arithmetic is float64.
#ifndef ANALYZER_COMPARISON_VECTOR_DIFFERENCE_H_
#define ANALYZER_COMPARISON_VECTOR_DIFFERENCE_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "analyzer/comparison/bit_changes.h"
#include "analyzer/comparison/half_changes.h"

namespace forensics::analyzer {

// An element with other bits.
struct ChangedElement {
  int64_t element = 0;
  float a = 0;
  float b = 0;
};

struct VectorDifference {
  // False: a NaN or infinity in either vector; the rest, but for first_changed, is then void.
  bool finite = true;
  double l2 = 0;  // Euclidean norm of a - b
  double norm_a = 0;
  std::optional<double> cosine;  // of the angle between them; none if either is zero
  double largest_absolute = 0;
  BitChanges bits;
  std::optional<HalfChanges> halves;  // if asked for
  std::optional<ChangedElement> first_changed;
};

// `a` and `b` have the same length. Changes are counted in float16 too if `format` says so.
VectorDifference Difference(absl::Span<const float> a, absl::Span<const float> b,
                            NumberFormat format = NumberFormat::kFloat32);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_VECTOR_DIFFERENCE_H_
