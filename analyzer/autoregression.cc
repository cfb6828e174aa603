#include "analyzer/autoregression.h"

#include <algorithm>
#include <cmath>

namespace forensics::analyzer {
namespace {

constexpr double kLargestCoefficient = 0.95;

double Mean(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

Autoregression FitAutoregression(absl::Span<const double> values) {
  const double n = static_cast<double>(values.size());
  Autoregression fit;
  fit.mean = Mean(values);
  // The products of deviations that both the coefficient and the innovations' squares come from.
  double squares = 0, products = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double deviation = values[i] - fit.mean;
    squares += deviation * deviation;
    if (i > 0) products += deviation * (values[i - 1] - fit.mean);
  }
  if (!(squares > 0)) return fit;
  fit.coefficient = std::clamp((n * products / squares + 1) / (n - 3), 0.0, kLargestCoefficient);
  const double first = values.front() - fit.mean;
  const double last = values.back() - fit.mean;
  const double c = fit.coefficient;
  const double innovations =
      (squares - first * first) - 2 * c * products + c * c * (squares - last * last);
  fit.standard_error = std::sqrt(std::max(0.0, innovations) / (n - 3) / n) / (1 - c);
  return fit;
}

std::vector<double> Innovations(absl::Span<const double> values, const Autoregression& fit) {
  std::vector<double> innovations;
  for (size_t i = 1; i < values.size(); ++i) {
    innovations.push_back((values[i] - fit.mean) - fit.coefficient * (values[i - 1] - fit.mean));
  }
  const double mean = Mean(innovations);
  for (double& innovation : innovations) innovation -= mean;
  return innovations;
}

double LongRunVariance(const Autoregression& fit, size_t n) {
  return fit.standard_error * fit.standard_error * static_cast<double>(n);
}

}  // namespace forensics::analyzer
