#include "analyzer/comparison/vector_difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "Eigen/Core"
#include "analyzer/comparison/compensated_sum.h"

namespace forensics::analyzer {
namespace {

using Vector = Eigen::Map<const Eigen::ArrayXf>;

double Norm(const Eigen::ArrayXd& vector) {
  CompensatedSum squares;
  for (const double value : vector) squares.Add(value * value);
  return std::sqrt(squares.Total());
}

// Cosine of the angle between vectors of norms `norm_a` and `norm_b`.
std::optional<double> Cosine(const Eigen::ArrayXd& a, double norm_a, const Eigen::ArrayXd& b,
                             double norm_b) {
  if (norm_a == 0 || norm_b == 0) return std::nullopt;
  CompensatedSum products;
  for (Eigen::Index i = 0; i < a.size(); ++i) products.Add(a[i] * b[i]);
  return std::clamp(products.Total() / norm_a / norm_b, -1.0, 1.0);
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
  const Eigen::ArrayXd double_a = array_a.cast<double>();
  difference.norm_a = Norm(double_a);
  if (!difference.first_changed.has_value()) {
    if (difference.norm_a > 0) difference.cosine = 1;
    return difference;
  }
  const Eigen::ArrayXd double_b = array_b.cast<double>();
  const Eigen::ArrayXd delta = double_a - double_b;
  difference.l2 = Norm(delta);
  difference.cosine = Cosine(double_a, difference.norm_a, double_b, Norm(double_b));
  difference.largest_absolute = delta.abs().maxCoeff();
  return difference;
}

}  // namespace forensics::analyzer
