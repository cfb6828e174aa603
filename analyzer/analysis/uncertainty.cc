#include "analyzer/analysis/uncertainty.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/statistics/autoregression.h"

namespace forensics::analyzer {
namespace {

// Of the upper end over the lower one: beyond it an interval of an SNR excludes next to nothing.
constexpr double kWidestRatio = 1000;

// Also of an interval with an end that is no finite number, or a lower end of 0.
bool SaysNothing(const Interval& interval) {
  return !std::isfinite(interval.high) || !(interval.high <= kWidestRatio * interval.low);
}

}  // namespace

PositionSeries SeriesOf(const SignalComparison& signal) {
  PositionSeries series;
  for (const PositionDistance& position : signal.positions) series[position.computed] = position.l2;
  return series;
}

PositionSeries MeanSeries(const std::vector<PositionSeries>& series) {
  std::map<int64_t, std::vector<double>> collected;
  for (const PositionSeries& one : series) {
    for (const auto& [position, distance] : one) collected[position].push_back(distance);
  }
  PositionSeries means;
  for (const auto& [position, distances] : collected) {
    means[position] = Summarize(distances).mean;
  }
  return means;
}

std::string WhyTooFew(size_t positions) {
  if (positions >= kShortestSequence) return "";
  return absl::StrCat(positions, positions == 1 ? " position" : " positions", ": fewer than ",
                      kShortestSequence);
}

std::array<std::optional<Interval>, kPhases.size()> MeanIntervals(
    const PositionSeries& distances, const StatisticsOptions& options) {
  std::array<std::optional<Interval>, kPhases.size()> intervals;
  for (const Phase phase : kPhases) {
    std::vector<double> values;
    for (const auto& [position, distance] : distances) {
      if (InPhase(position, phase)) values.push_back(distance);
    }
    std::optional<Interval>& interval = intervals[static_cast<size_t>(phase)];
    interval = MeanInterval(values, options.resampling);
    // A distance is not negative.
    if (interval.has_value()) interval->low = std::max(0.0, interval->low);
  }
  return intervals;
}

std::optional<NoiseComparison> CompareWithNoise(const PositionSeries& variant,
                                                const PositionSeries& noise,
                                                const StatisticsOptions& options) {
  std::vector<double> distances, noises, differences;
  for (const auto& [position, distance] : variant) {
    const auto at = noise.find(position);
    if (at == noise.end()) continue;
    distances.push_back(distance);
    noises.push_back(at->second);
    differences.push_back(distance - at->second);
  }
  if (distances.empty()) return std::nullopt;
  NoiseComparison comparison;
  comparison.positions = static_cast<int64_t>(distances.size());
  const double mean_noise = Summarize(noises).mean;
  if (mean_noise > 0) comparison.snr = Summarize(distances).mean / mean_noise;
  comparison.snr_interval = RatioInterval(distances, noises, options.resampling);
  if (!comparison.snr_interval.has_value()) {
    comparison.interval_reason = WhyTooFew(distances.size());
    if (comparison.interval_reason.empty()) {
      comparison.interval_reason = mean_noise > 0 ? "no distance: the SNR is 0" : "no noise";
    }
  } else if (SaysNothing(*comparison.snr_interval)) {
    comparison.interval_reason = absl::StrFormat(
        "so wide that it says nothing: its ends are more than %g times apart, %d "
        "positions with too much scatter",
        kWidestRatio, comparison.positions);
    comparison.snr_interval.reset();
  }
  comparison.p_value = ExceedanceProbability(differences, options.resampling);
  comparison.roc = TellApart(distances, noises);
  comparison.tokens_needed = TokensNeeded(distances, noises, options.rates);
  return comparison;
}

}  // namespace forensics::analyzer
