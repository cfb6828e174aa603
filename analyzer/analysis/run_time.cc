#include "analyzer/analysis/run_time.h"

#include <algorithm>
#include <cmath>

#include "analyzer/statistics/small_samples.h"
#include "schema/run_times.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kFewestForWarmUp = 3;

// The known run times of a configuration, by rep_id.
std::vector<double> Seconds(const Experiment& experiment, const Configuration& configuration) {
  std::multimap<int64_t, double> by_repetition;
  for (const RunRecord& run : experiment.runs) {
    if (run.config_id != configuration.config_id || !run.runtime_seconds.has_value()) continue;
    const double seconds = *run.runtime_seconds;
    if (std::isfinite(seconds) && seconds >= 0) by_repetition.emplace(run.rep_id, seconds);
  }
  std::vector<double> all;
  for (const auto& [repetition, seconds] : by_repetition) all.push_back(seconds);
  return all;
}

void CompareFirst(const std::vector<double>& seconds, RunTime& time) {
  if (seconds.size() < kFewestForWarmUp) return;
  const std::vector<double> others(seconds.begin() + 1, seconds.end());
  const double mean = schema::MeanAndVariance(others).mean_seconds;
  if (!(mean > 0)) return;
  time.first_over_others = seconds.front() / mean;
  time.first_is_slowest = seconds.front() > *std::max_element(others.begin(), others.end());
}

RunTime TimeOf(const Experiment& experiment, const Configuration& configuration) {
  const std::vector<double> seconds = Seconds(experiment, configuration);
  const schema::RunTimes times = schema::MeanAndVariance(seconds);
  RunTime time;
  time.configuration = &configuration;
  time.repetitions = static_cast<int64_t>(seconds.size());
  time.mean_seconds = seconds.empty() ? configuration.mean_seconds : times.mean_seconds;
  if (seconds.size() > 1) time.variance = times.variance;
  CompareFirst(seconds, time);
  return time;
}

Sample SampleOf(const RunTime& time) {
  return {time.repetitions, time.mean_seconds.value_or(0), time.variance.value_or(0)};
}

std::string WhyNoInterval(const RunTime& time, const RunTime& baseline) {
  if (time.configuration == baseline.configuration) return "the baseline itself";
  if (!time.slowdown.has_value()) return "a run time is not known, 0 or beyond a double";
  if (!time.variance.has_value() || !baseline.variance.has_value()) {
    return "fewer than two run times of one";
  }
  const double scatter = *time.variance + *baseline.variance;
  if (scatter == 0) return "no run time differs from its mean";
  if (!std::isfinite(scatter) || !(*time.slowdown > 0)) return "the run times are beyond a double";
  return "the run times scatter too much for a bound";
}

void CompareWithBaseline(const RunTime& baseline, double level, RunTime& time) {
  if (time.mean_seconds.has_value() && baseline.mean_seconds.value_or(0) > 0) {
    const double slowdown = *time.mean_seconds / *baseline.mean_seconds;
    if (std::isfinite(slowdown)) time.slowdown = slowdown;
  }
  if (time.slowdown.has_value() && time.configuration != baseline.configuration) {
    const Sample sample = SampleOf(time), reference = SampleOf(baseline);
    time.slowdown_interval = MeanRatioInterval(sample, reference, level);
    time.slower_p_value = LargerMeanProbability(sample, reference);
  }
  if (!time.slowdown_interval.has_value()) time.interval_reason = WhyNoInterval(time, baseline);
}

}  // namespace

std::vector<RunTime> RunTimes(const Experiment& experiment, const HardwareGroup& group,
                              double level) {
  const RunTime baseline = TimeOf(experiment, *group.baseline);
  std::vector<RunTime> times;
  for (const Configuration* configuration : group.configurations) {
    RunTime& time = times.emplace_back(TimeOf(experiment, *configuration));
    CompareWithBaseline(baseline, level, time);
  }
  return times;
}

std::optional<WarmUp> FindWarmUp(const std::map<std::string, std::vector<RunTime>>& by_hardware) {
  WarmUp warm_up;
  std::vector<double> chances;
  double ratios = 0;
  for (const auto& [hardware, times] : by_hardware) {
    for (const RunTime& time : times) {
      if (!time.first_over_others.has_value()) continue;
      chances.push_back(1 / static_cast<double>(time.repetitions));
      ratios += *time.first_over_others;
      warm_up.first_slowest += time.first_is_slowest;
    }
  }
  if (chances.empty()) return std::nullopt;
  warm_up.configurations = static_cast<int64_t>(chances.size());
  warm_up.p_value = AtLeastProbability(chances, warm_up.first_slowest);
  warm_up.mean_first_over_others = ratios / static_cast<double>(chances.size());
  return warm_up;
}

}  // namespace forensics::analyzer
