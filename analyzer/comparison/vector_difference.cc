#include "analyzer/comparison/vector_difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "Eigen/Core"
#include "analyzer/comparison/compensated_sum.h"

namespace forensics::analyzer {
namespace {

using Vector = Eigen::Map<const Eigen::ArrayXf>;

// Four compensated sums (compensated_sum.h), each with its terms in order.
typedef double Four __attribute__((vector_size(4 * sizeof(double))));

struct Sums {
  double squares_a = 0;
  double squares_b = 0;
  double squares_delta = 0;
  double products = 0;  // of a and b
};

// What is inlined into a function is compiled for that function's instruction set.
__attribute__((always_inline)) inline void AddUpInline(absl::Span<const float> a,
                                                       absl::Span<const float> b, Sums& sums) {
  Four sum = {};
  Four error = {};
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    const double delta = x - y;
    const Four term = Four{x, y, delta, x} * Four{x, y, delta, y};
    const Four next = sum + term;
    const Four added = next - sum;
    error += (sum - (next - added)) + (term - added);
    sum = next;
  }
  const Four totals = sum + error;
  sums = {totals[0], totals[1], totals[2], totals[3]};
}

void AddUpBaseline(absl::Span<const float> a, absl::Span<const float> b, Sums& sums) {
  AddUpInline(a, b, sums);
}

__attribute__((target("avx2"))) void AddUpAvx2(absl::Span<const float> a, absl::Span<const float> b,
                                               Sums& sums) {
  AddUpInline(a, b, sums);
}

Sums AddUp(absl::Span<const float> a, absl::Span<const float> b) {
  static const auto best = __builtin_cpu_supports("avx2") ? AddUpAvx2 : AddUpBaseline;
  Sums sums;
  best(a, b, sums);
  return sums;
}

double Norm(absl::Span<const float> vector) {
  CompensatedSum squares;
  for (const double value : vector) squares.Add(value * value);
  return std::sqrt(squares.Total());
}

std::optional<ChangedElement> FirstChanged(absl::Span<const float> a, absl::Span<const float> b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) == 0) continue;
    return ChangedElement{static_cast<int64_t>(i), a[i], b[i]};
  }
  return std::nullopt;
}

HalfChanges CountHalves(absl::Span<const float> a, absl::Span<const float> b) {
  HalfChanges changes;
  for (size_t i = 0; i < a.size(); ++i) changes.Add(a[i], b[i]);
  return changes;
}

}  // namespace

VectorDifference Difference(absl::Span<const float> a, absl::Span<const float> b,
                            NumberFormat format) {
  VectorDifference difference;
  const Eigen::Index size = static_cast<Eigen::Index>(a.size());
  const Vector array_a(a.data(), size);
  const Vector array_b(b.data(), size);
  difference.first_changed = FirstChanged(a, b);
  difference.finite = array_a.isFinite().all() && array_b.isFinite().all();
  if (!difference.finite || size == 0) return difference;
  for (size_t i = 0; i < a.size(); ++i) difference.bits.Add(a[i], b[i]);
  if (format == NumberFormat::kFloat16) difference.halves = CountHalves(a, b);
  if (!difference.first_changed.has_value()) {
    difference.norm_a = Norm(a);
    if (difference.norm_a > 0) difference.cosine = 1;
    return difference;
  }
  const Sums sums = AddUp(a, b);
  difference.norm_a = std::sqrt(sums.squares_a);
  difference.l2 = std::sqrt(sums.squares_delta);
  const double norm_b = std::sqrt(sums.squares_b);
  if (difference.norm_a != 0 && norm_b != 0) {
    difference.cosine = std::clamp(sums.products / difference.norm_a / norm_b, -1.0, 1.0);
  }
  difference.largest_absolute = (array_a.cast<double>() - array_b.cast<double>()).abs().maxCoeff();
  return difference;
}

}  // namespace forensics::analyzer
