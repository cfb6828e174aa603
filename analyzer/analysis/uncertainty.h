// How sure the distances of a signal are, and whether they stand out from a change of hardware.
#ifndef ANALYZER_ANALYSIS_UNCERTAINTY_H_
#define ANALYZER_ANALYSIS_UNCERTAINTY_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/comparison/signal_comparison.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/statistics/resampling.h"
#include "analyzer/statistics/telling_apart.h"

namespace forensics::analyzer {

// What intervals, tests and numbers of tokens are made with.
struct StatisticsOptions {
  Resampling resampling;
  DetectionRates rates;
};

// Distances by position (Timepoint::Computed), each position once.
using PositionSeries = std::map<int64_t, double>;

// L2 of each position.
PositionSeries SeriesOf(const SignalComparison& signal);

// The mean at each position over those of the series that have it.
PositionSeries MeanSeries(const std::vector<PositionSeries>& series);

// A variant's distances against those that a change of hardware makes, at the positions that both
// have.
struct NoiseComparison {
  int64_t positions = 0;
  std::optional<double> snr;  // of the means over these positions; none without noise
  std::optional<Interval> snr_interval;
  std::string interval_reason;  // why there is no interval; else empty
  // Of the hypothesis that the variant's distances do not exceed the noise.
  std::optional<double> p_value;
  std::optional<double> p_holm;  // adjusted for all variants of all experiments
  Roc roc;
  std::optional<int64_t> tokens_needed;

  // p_value before experiments were adjusted together.
  std::optional<double> adjusted_p() const { return p_holm.has_value() ? p_holm : p_value; }
};

struct SignalUncertainty {
  std::array<std::optional<Interval>, kPhases.size()> mean_l2;
  std::optional<NoiseComparison> by_mean;      // against Noise::mean
  std::optional<NoiseComparison> by_baseline;  // against Noise::at_baseline
};

// Why so few positions have neither interval nor test; empty if they are enough.
std::string WhyTooFew(size_t positions);

// The interval of the mean L2 over the distinct positions of each phase.
std::array<std::optional<Interval>, kPhases.size()> MeanIntervals(
    const PositionSeries& distances, const StatisticsOptions& options = {});

// None if the two share no position.
std::optional<NoiseComparison> CompareWithNoise(const PositionSeries& variant,
                                                const PositionSeries& noise,
                                                const StatisticsOptions& options = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_UNCERTAINTY_H_
