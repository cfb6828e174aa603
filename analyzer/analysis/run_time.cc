#include "analyzer/analysis/run_time.h"

#include "schema/run_times.h"

namespace forensics::analyzer {
namespace {

RunTime TimeOf(const Experiment& experiment, const Configuration& configuration) {
  std::vector<double> seconds;
  for (const RunRecord& run : experiment.runs) {
    if (run.config_id != configuration.config_id || !run.runtime_seconds.has_value()) continue;
    seconds.push_back(*run.runtime_seconds);
  }
  const schema::RunTimes times = schema::MeanAndVariance(seconds);
  RunTime time;
  time.configuration = &configuration;
  time.repetitions = static_cast<int64_t>(seconds.size());
  time.mean_seconds = seconds.empty() ? configuration.mean_seconds : times.mean_seconds;
  if (seconds.size() > 1) time.variance = times.variance;
  return time;
}

}  // namespace

std::vector<RunTime> RunTimes(const Experiment& experiment, const HardwareGroup& group) {
  const std::optional<double> baseline = TimeOf(experiment, *group.baseline).mean_seconds;
  std::vector<RunTime> times;
  for (const Configuration* configuration : group.configurations) {
    RunTime& time = times.emplace_back(TimeOf(experiment, *configuration));
    if (time.mean_seconds.has_value() && baseline.value_or(0) > 0) {
      time.slowdown = *time.mean_seconds / *baseline;
    }
  }
  return times;
}

}  // namespace forensics::analyzer
