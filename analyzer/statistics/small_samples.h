// Means of a few independent measurements, compared without taking their variances to be equal.
//
// Normal values are assumed. docs/numerics.md has what simulations found.
#ifndef ANALYZER_STATISTICS_SMALL_SAMPLES_H_
#define ANALYZER_STATISTICS_SMALL_SAMPLES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/statistics/interval.h"

namespace forensics::analyzer {

struct Sample {
  int64_t n = 0;
  double mean = 0;
  double variance = 0;  // by n - 1
};

// Of the ratio of the true means: Fieller's (1954), with Student's t for Welch and Satterthwaite's
// degrees of freedom. Not below 0. None if a sample has fewer than two values, if neither varies,
// if the denominator's mean is so uncertain that the ratio has no bound, or if a variance or bound
// is beyond a double.
std::optional<Interval> MeanRatioInterval(const Sample& numerator, const Sample& denominator,
                                          double level = 0.95);

// The probability of a mean so much larger than the other's if the true means were equal: Welch's
// test (1947), one-sided. None if a sample has fewer than two values, if neither varies or if a
// variance is beyond a double.
std::optional<double> LargerMeanProbability(const Sample& sample, const Sample& other);

// The probability that at least `successes` of independent events happen. `probabilities`: one an
// event.
double AtLeastProbability(const std::vector<double>& probabilities, int64_t successes);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_SMALL_SAMPLES_H_
