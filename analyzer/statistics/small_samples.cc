#include "analyzer/statistics/small_samples.h"

#include <algorithm>
#include <cmath>

#include "boost/math/distributions/students_t.hpp"

namespace forensics::analyzer {
namespace {

using StudentsT = boost::math::students_t_distribution<double>;

double VarianceOfMean(const Sample& sample) {
  return sample.variance / static_cast<double>(sample.n);
}

bool Vary(const Sample& a, const Sample& b) {
  return a.n >= 2 && b.n >= 2 && a.variance + b.variance > 0;
}

// Of the difference of `a`'s mean and `factor` times `b`'s; none if that is beyond a double.
std::optional<double> DegreesOfFreedom(const Sample& a, const Sample& b, double factor) {
  double of_a = VarianceOfMean(a);
  double of_b = factor * factor * VarianceOfMean(b);
  const double larger = std::max(of_a, of_b);
  if (!std::isfinite(of_a + of_b) || larger == 0) return std::nullopt;
  // They count by their ratio; squares of very large or small ones are no numbers.
  const int exponent = std::ilogb(larger);
  of_a = std::ldexp(of_a, -exponent);
  of_b = std::ldexp(of_b, -exponent);
  const double sum = of_a + of_b;
  return sum * sum /
         (of_a * of_a / static_cast<double>(a.n - 1) + of_b * of_b / static_cast<double>(b.n - 1));
}

}  // namespace

std::optional<Interval> MeanRatioInterval(const Sample& numerator, const Sample& denominator,
                                          double level) {
  if (!Vary(numerator, denominator) || !(numerator.mean > 0) || !(denominator.mean > 0)) {
    return std::nullopt;
  }
  const double ratio = numerator.mean / denominator.mean;
  const std::optional<double> freedom = DegreesOfFreedom(numerator, denominator, ratio);
  if (!freedom.has_value()) return std::nullopt;
  const StudentsT students_t(*freedom);
  const double t = quantile(complement(students_t, (1 - level) / 2));
  // In units of the means: the ratios r with (1 - r)^2 <= above + r^2 below, times `ratio`.
  const auto relative = [&](const Sample& sample) {
    return t * t * VarianceOfMean(sample) / (sample.mean * sample.mean);
  };
  const double above = relative(numerator);
  const double below = relative(denominator);
  if (below >= 1) return std::nullopt;
  const double half_width = std::sqrt(above + below - above * below);
  const Interval interval{ratio * std::max(0.0, (1 - half_width) / (1 - below)),
                          ratio * (1 + half_width) / (1 - below)};
  if (!std::isfinite(interval.high)) return std::nullopt;
  return interval;
}

std::optional<double> LargerMeanProbability(const Sample& sample, const Sample& other) {
  if (!Vary(sample, other)) return std::nullopt;
  const double error = std::sqrt(VarianceOfMean(sample) + VarianceOfMean(other));
  const std::optional<double> freedom = DegreesOfFreedom(sample, other, 1);
  if (!freedom.has_value()) return std::nullopt;
  const StudentsT students_t(*freedom);
  return cdf(complement(students_t, (sample.mean - other.mean) / error));
}

double AtLeastProbability(const std::vector<double>& probabilities, int64_t successes) {
  std::vector<double> exactly = {1};  // by number of successes
  for (const double p : probabilities) {
    exactly.push_back(0);
    for (size_t k = exactly.size() - 1; k > 0; --k) {
      exactly[k] = exactly[k] * (1 - p) + exactly[k - 1] * p;
    }
    exactly[0] *= 1 - p;
  }
  double sum = 0;
  for (size_t k = exactly.size(); k > static_cast<size_t>(std::max<int64_t>(0, successes)); --k) {
    sum += exactly[k - 1];
  }
  return std::min(1.0, sum);
}

}  // namespace forensics::analyzer
