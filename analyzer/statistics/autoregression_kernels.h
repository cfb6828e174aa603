// The arithmetic of autoregression.h for one series (double), or one a lane of a PairOf<Vector>. A
// lane has the bits of the series alone. Of values [size] each is `stride` after the one before it.
#ifndef ANALYZER_STATISTICS_AUTOREGRESSION_KERNELS_H_
#define ANALYZER_STATISTICS_AUTOREGRESSION_KERNELS_H_

#include <cmath>
#include <cstddef>

#include "analyzer/lanes/lanes.h"
#include "analyzer/statistics/autoregression.h"

namespace forensics::analyzer {

// Autoregression, one a lane.
template <typename Real>
struct FitOf {
  Real mean = {};
  Real first = {};
  Real second = {};
  Real standard_error = {};
};

// Sets the coefficients by sums of squares and of products at lags 1 and 2.
template <typename Real>
FORENSICS_INLINE void SetCoefficients(double n, const Real& squares, const Real& lag1,
                                      const Real& lag2, FitOf<Real>& fit) {
  constexpr double kLargestSum = 0.95;
  constexpr double kLargestCorrelation = 0.95;
  constexpr double kSmallestCorrelation = -0.9;
  constexpr double kLargestPartial = 0.6;
  constexpr double kSmallestPartial = -0.5;
  Real r1 = (n * lag1 / squares + 1.0) / (n - 3);
  Clamp(r1, kSmallestCorrelation, kLargestCorrelation);
  const Real r2 = (n * lag2 / squares + 2.0) / (n - 5);
  Real partial = (r2 - r1 * r1) / (1.0 - r1 * r1);
  Clamp(partial, kSmallestPartial, kLargestPartial);
  const Real sum = r1 * (1.0 - partial) + partial;
  Real held = sum;
  Clamp(held, 0.0, kLargestSum);
  fit.first = r1 * (1.0 - partial) * held / sum;
  fit.second = partial * held / sum;
  ZeroWhereZero(fit.first, held);
  ZeroWhereZero(fit.second, held);
}

// Of values, [size], whose sum is `sum`; they become their deviations from the mean.
template <typename Real>
FORENSICS_INLINE void FitDeviations(const Real& sum, Real* values, size_t size, FitOf<Real>& fit,
                                    size_t stride = 1) {
  const double n = static_cast<double>(size);
  const Real zero = {};
  fit.mean = sum / n;
  Real squares = zero, lag1 = zero, lag2 = zero;
  Real before = zero, before_that = zero;
  for (size_t i = 0; i < size; ++i) {
    const Real deviation = values[i * stride] - fit.mean;
    values[i * stride] = deviation;
    squares += deviation * deviation;
    lag1 += deviation * before;
    lag2 += deviation * before_that;
    before_that = before;
    before = deviation;
  }
  SetCoefficients(n, squares, lag1, lag2, fit);
  Real innovations = zero;
  for (size_t i = 0; i < size; ++i) {
    const Real deviation = values[i * stride];
    if (i >= 2) {
      const Real innovation = deviation - fit.first * before - fit.second * before_that;
      innovations += innovation * innovation;
    }
    before_that = before;
    before = deviation;
  }
  Real root = innovations / (n - 4) / n;
  TakeRoot(root);
  fit.standard_error = root / (1.0 - fit.first - fit.second);
  // Of equal values.
  ZeroWhereZero(fit.first, squares);
  ZeroWhereZero(fit.second, squares);
  ZeroWhereZero(fit.standard_error, squares);
}

// The first two values of a series in terms of innovations: value 0 is `scale` times one, value 1
// is `correlation` times value 0 plus `second_scale` times another.
struct SeriesStart {
  explicit SeriesStart(const Autoregression& fit) {
    correlation = fit.first / (1 - fit.second);
    scale = 1 / std::sqrt((1 - fit.second * fit.second) * (1 - correlation * correlation));
    second_scale = scale * std::sqrt(1 - correlation * correlation);
  }
  double correlation = 0;
  double scale = 0;
  double second_scale = 0;
};

// Replaces the innovations, [size], by the series that they make; `sum` becomes that of its values:
// while each value waits for the one before it, adding takes no time.
template <typename Real>
FORENSICS_INLINE void InnovationsToSeries(const Autoregression& fit, const SeriesStart& start,
                                          Real* series, size_t size, Real& sum, size_t stride = 1) {
  sum = Real{};
  // Read back from memory they would take longer than all that is done with them.
  Real before = {}, before_that = {};
  for (size_t i = 0; i < size; ++i) {
    Real value = series[i * stride];
    if (i == 0) {
      value *= start.scale;
    } else if (i == 1) {
      value = start.correlation * before + start.second_scale * value;
    } else {
      value += fit.first * before + fit.second * before_that;
    }
    series[i * stride] = value;
    sum += value;
    before_that = before;
    before = value;
  }
}

// Mean over standard error.
template <typename Real>
FORENSICS_INLINE void Studentise(const FitOf<Real>& fit, Real& mean) {
  const Real zero = {};
  const Real infinity = zero + INFINITY;
  const Real without_error = fit.mean == 0.0 ? zero : (fit.mean < 0.0 ? -infinity : infinity);
  mean = fit.standard_error > 0.0 ? fit.mean / fit.standard_error : without_error;
}

template <typename Vector>
FORENSICS_INLINE void Studentise(const FitOf<PairOf<Vector>>& fit, PairOf<Vector>& mean) {
  const auto& [means, first, second, errors] = fit;
  Studentise(FitOf<Vector>{means.first, first.first, second.first, errors.first}, mean.first);
  Studentise(FitOf<Vector>{means.second, first.second, second.second, errors.second}, mean.second);
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_AUTOREGRESSION_KERNELS_H_
