// Intervals and tests for means of correlated numbers, by resampling with a fixed seed.
//
// Distances at neighbouring positions of a sequence may be correlated, and an experiment has 32 of
// them. There a plain moving-block bootstrap is far too sure of itself: its 95 % intervals held the
// truth in 91 % (independent values), 80 % (correlation 0.5) and 72 % (0.7) of simulated sequences.
// So the blocks are drawn from what a second-order autoregression leaves, series are made of them
// again, and what is compared is the mean over its own standard error. docs/numerics.md has what
// simulations found.
#ifndef ANALYZER_STATISTICS_RESAMPLING_H_
#define ANALYZER_STATISTICS_RESAMPLING_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "analyzer/statistics/interval.h"

namespace forensics::analyzer {

struct Resampling {
  uint64_t seed = 20260101;
  int resamples = 999;
  double level = 0.95;  // of intervals
};

// Innovations in a row that are drawn together: 0.63 n^(1/3), 2 at least; 2 for 32 values.
int64_t BlockLength(size_t n);

// Of the mean; equal-tailed. None for fewer than kShortestSequence values.
std::optional<Interval> MeanInterval(absl::Span<const double> values,
                                     const Resampling& resampling = {});

// Of the ratio of the means of two sequences over the same positions, by the interval of its
// logarithm. None for too few values, or where a mean is not above 0.
std::optional<Interval> RatioInterval(absl::Span<const double> numerator,
                                      absl::Span<const double> denominator,
                                      const Resampling& resampling = {});

// The probability of a mean difference at least so large if the differences' signs were a matter
// of chance: a permutation test of pairs, in which exchanging the two of a pair changes the sign
// of what the autoregression does not explain. One-sided; none for too few values. At most 1; small
// ones of short sequences are raised, so that none is below 0.0032 for up to 16 values and 0.0004
// for 32.
std::optional<double> ExceedanceProbability(absl::Span<const double> differences,
                                            const Resampling& resampling = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_RESAMPLING_H_
