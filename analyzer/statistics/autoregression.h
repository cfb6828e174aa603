// A sequence of correlated numbers as a second-order autoregression about its mean.
#ifndef ANALYZER_STATISTICS_AUTOREGRESSION_H_
#define ANALYZER_STATISTICS_AUTOREGRESSION_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace forensics::analyzer {

// value(t) - mean = first * (value(t-1) - mean) + second * (value(t-2) - mean) + innovation(t)
struct Autoregression {
  double mean = 0;
  double first = 0;
  double second = 0;
  double standard_error = 0;  // of the mean, for values that are correlated so
};

// Sequences shorter than this are not fitted.
inline constexpr size_t kShortestSequence = 12;

// By the autocorrelations at lags 1 and 2 (Yule and Walker), corrected for their bias towards 0 in
// short sequences: (n r + 1) / (n - 3) as Marriott and Pope (1954) have it, (n r + 2) / (n - 5).
// The coefficients' sum is held between 0, so that no interval is shorter than that of independent
// values, and 0.95. Of a sequence of equal values the standard error is 0.
Autoregression FitAutoregression(absl::Span<const double> values);

// What the autoregression does not explain, a value each, about 0. The first two are scaled to be
// like the others: they have nothing or one value before them.
std::vector<double> Innovations(absl::Span<const double> values, const Autoregression& fit);

// Replaces innovations by the series about 0 that they make: the reverse of Innovations.
void MakeSeries(const Autoregression& fit, std::vector<double>& innovations);

// The variance of the mean of many values, times their number.
double LongRunVariance(const Autoregression& fit, size_t n);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_AUTOREGRESSION_H_
