#include "analyzer/statistics/autoregression.h"

#include <algorithm>
#include <cmath>

namespace forensics::analyzer {
namespace {

constexpr double kLargestSum = 0.95;
constexpr double kLargestCorrelation = 0.95;
constexpr double kSmallestCorrelation = -0.9;
constexpr double kLargestPartial = 0.6;
constexpr double kSmallestPartial = -0.5;

double Mean(absl::Span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Sets the coefficients by sums of squares and of products at lags 1 and 2.
void SetCoefficients(double n, double squares, double lag1, double lag2, Autoregression& fit) {
  const double r1 =
      std::clamp((n * lag1 / squares + 1) / (n - 3), kSmallestCorrelation, kLargestCorrelation);
  const double r2 = (n * lag2 / squares + 2) / (n - 5);
  const double partial =
      std::clamp((r2 - r1 * r1) / (1 - r1 * r1), kSmallestPartial, kLargestPartial);
  const double sum = r1 * (1 - partial) + partial;
  const double held = std::clamp(sum, 0.0, kLargestSum);
  if (held == 0) return;
  fit.first = r1 * (1 - partial) * held / sum;
  fit.second = partial * held / sum;
}

// The first two values of a series in terms of innovations: value 0 is `scale` times one, value 1
// is `correlation` times value 0 plus `second_scale` times another.
struct Start {
  explicit Start(const Autoregression& fit) {
    correlation = fit.first / (1 - fit.second);
    scale = 1 / std::sqrt((1 - fit.second * fit.second) * (1 - correlation * correlation));
    second_scale = scale * std::sqrt(1 - correlation * correlation);
  }
  double correlation = 0;
  double scale = 0;
  double second_scale = 0;
};

}  // namespace

Autoregression FitAutoregression(absl::Span<const double> values) {
  const double n = static_cast<double>(values.size());
  Autoregression fit;
  fit.mean = Mean(values);
  double squares = 0, lag1 = 0, lag2 = 0;
  double before = 0, before_that = 0;  // deviations
  for (const double value : values) {
    const double deviation = value - fit.mean;
    squares += deviation * deviation;
    lag1 += deviation * before;
    lag2 += deviation * before_that;
    before_that = before;
    before = deviation;
  }
  if (!(squares > 0)) return fit;
  SetCoefficients(n, squares, lag1, lag2, fit);
  double innovations = 0;
  for (size_t i = 2; i < values.size(); ++i) {
    const double innovation = (values[i] - fit.mean) - fit.first * (values[i - 1] - fit.mean) -
                              fit.second * (values[i - 2] - fit.mean);
    innovations += innovation * innovation;
  }
  fit.standard_error = std::sqrt(innovations / (n - 4) / n) / (1 - fit.first - fit.second);
  return fit;
}

std::vector<double> Innovations(absl::Span<const double> values, const Autoregression& fit) {
  const Start start(fit);
  std::vector<double> innovations(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const double deviation = values[i] - fit.mean;
    if (i == 0) {
      innovations[i] = deviation / start.scale;
    } else if (i == 1) {
      innovations[i] =
          (deviation - start.correlation * (values[0] - fit.mean)) / start.second_scale;
    } else {
      innovations[i] = deviation - fit.first * (values[i - 1] - fit.mean) -
                       fit.second * (values[i - 2] - fit.mean);
    }
  }
  return innovations;
}

void MakeSeries(const Autoregression& fit, std::vector<double>& innovations) {
  const Start start(fit);
  std::vector<double>& series = innovations;
  for (size_t i = 0; i < series.size(); ++i) {
    if (i == 0) {
      series[i] *= start.scale;
    } else if (i == 1) {
      series[i] = start.correlation * series[0] + start.second_scale * series[i];
    } else {
      series[i] += fit.first * series[i - 1] + fit.second * series[i - 2];
    }
  }
}

double LongRunVariance(const Autoregression& fit, size_t n) {
  return fit.standard_error * fit.standard_error * static_cast<double>(n);
}

}  // namespace forensics::analyzer
