#include "analyzer/vector_difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "Eigen/Core"
#include "analyzer/compensated_sum.h"

namespace forensics::analyzer {
namespace {

using Vector = Eigen::Map<const Eigen::ArrayXf>;

double Norm(const Eigen::ArrayXd& vector) {
  CompensatedSum squares;
  for (const double value : vector) squares.Add(value * value);
  return std::sqrt(squares.Total());
}

// Bits of `value` as an integer that grows with the value.
int64_t Ordered(float value) {
  int32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits >= 0 ? bits : -static_cast<int64_t>(bits & 0x7fffffff);
}

}  // namespace

uint64_t UlpDistance(float a, float b) {
  return static_cast<uint64_t>(std::abs(Ordered(a) - Ordered(b)));
}

VectorDifference Difference(absl::Span<const float> a, absl::Span<const float> b) {
  VectorDifference difference;
  const Eigen::Index size = static_cast<Eigen::Index>(a.size());
  const Vector array_a(a.data(), size);
  const Vector array_b(b.data(), size);
  difference.elements = size;
  difference.finite = array_a.isFinite().all() && array_b.isFinite().all();
  if (!difference.finite || size == 0) return difference;
  difference.norm_a = Norm(array_a.cast<double>());
  if (std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0) return difference;
  const Eigen::ArrayXd delta = array_a.cast<double>() - array_b.cast<double>();
  difference.l2 = Norm(delta);
  difference.largest_absolute = delta.abs().maxCoeff();
  for (size_t i = 0; i < a.size(); ++i) {
    difference.elements_changed += std::memcmp(&a[i], &b[i], sizeof(float)) != 0;
    difference.largest_ulps = std::max(difference.largest_ulps, UlpDistance(a[i], b[i]));
  }
  return difference;
}

}  // namespace forensics::analyzer
