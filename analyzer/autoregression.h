// A sequence of correlated numbers as a first-order autoregression about its mean.
#ifndef ANALYZER_AUTOREGRESSION_H_
#define ANALYZER_AUTOREGRESSION_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace forensics::analyzer {

struct Autoregression {
  double mean = 0;
  double coefficient = 0;     // of each value's deviation on the one before, from 0 up to 0.95
  double standard_error = 0;  // of the mean, for values that are correlated so
};

// Sequences shorter than this are not fitted.
inline constexpr size_t kShortestSequence = 8;

// The least-squares coefficient, corrected for its bias towards 0 in short sequences ((n c + 1) /
// (n - 3); Marriott and Pope 1954). Of a sequence of equal values the standard error is 0.
Autoregression FitAutoregression(absl::Span<const double> values);

// What the autoregression does not explain of values 2 to n, about their mean.
std::vector<double> Innovations(absl::Span<const double> values, const Autoregression& fit);

// The variance of the mean of many values, times their number.
double LongRunVariance(const Autoregression& fit, size_t n);

}  // namespace forensics::analyzer

#endif  // ANALYZER_AUTOREGRESSION_H_
