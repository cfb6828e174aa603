#include "analyzer/comparison/vector_difference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "analyzer/comparison/bit_agreement.h"
#include "analyzer/comparison/bit_counts.h"
#include "analyzer/comparison/vector_sums.h"

namespace forensics::analyzer {

VectorDifference Difference(absl::Span<const float> a, absl::Span<const float> b,
                            NumberFormat format) {
  VectorDifference difference;
  const std::optional<size_t> first = FirstOtherElement(a, b);
  if (!first.has_value()) {
    const BitsSeen seen = LookAtBits(a);
    difference.finite = seen.finite;
    if (!difference.finite || a.empty()) return difference;
    if (format == NumberFormat::kFloat16) difference.halves.emplace().Add(a, b);
    difference.bits.AddUnchanged(a.size(), seen.bits);
    difference.norm_a = std::sqrt(SumOfSquares(a));
    if (difference.norm_a > 0) difference.cosine = 1;
    return difference;
  }
  difference.first_changed = ChangedElement{static_cast<int64_t>(*first), a[*first], b[*first]};
  const VectorSums sums = AddUp(a, b);
  // The squares of all finite floats have a finite sum.
  difference.finite = std::isfinite(sums.squares_a) && std::isfinite(sums.squares_b);
  if (!difference.finite) return difference;
  if (format == NumberFormat::kFloat16) difference.halves.emplace().Add(a, b);
  difference.bits.Add(a, b);
  difference.norm_a = std::sqrt(sums.squares_a);
  difference.l2 = std::sqrt(sums.squares_delta);
  const double norm_b = std::sqrt(sums.squares_b);
  if (difference.norm_a != 0 && norm_b != 0) {
    difference.cosine = std::clamp(sums.products / difference.norm_a / norm_b, -1.0, 1.0);
  }
  difference.largest_absolute = sums.largest_delta;
  return difference;
}

}  // namespace forensics::analyzer
