// How long the configurations of one hardware took: what concurrent work alone changes.
#ifndef ANALYZER_ANALYSIS_RUN_TIME_H_
#define ANALYZER_ANALYSIS_RUN_TIME_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/analysis/hardware.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/statistics/interval.h"

namespace forensics::analyzer {

struct RunTime {
  const Configuration* configuration = nullptr;
  int64_t repetitions = 0;  // whose run time is known: finite and not negative
  std::optional<double> mean_seconds;
  std::optional<double> variance;  // sample variance in s^2, of two repetitions or more
  std::optional<double> slowdown;  // mean over the baseline's mean; the baseline's own is 1
  std::optional<Interval> slowdown_interval;  // small_samples.h; none for the baseline
  std::string interval_reason;                // why there is no interval; else empty
  // Of the hypothesis that the configuration is not slower than the baseline.
  std::optional<double> slower_p_value;
  std::optional<double> slower_p_holm;  // adjusted for all variants of all experiments
  // The first repetition's time over the mean of the others', of three repetitions or more; and
  // whether it took longer than each of them.
  std::optional<double> first_over_others;
  bool first_is_slowest = false;
};

// As the configurations are listed. The times are those of the runs; where these have none, the
// configuration's timing.mean_seconds. `level`: of the interval.
std::vector<RunTime> RunTimes(const Experiment& experiment, const HardwareGroup& group,
                              double level = 0.95);

// What the first repetitions have in common.
struct WarmUp {
  int64_t configurations = 0;  // with three repetitions or more
  int64_t first_slowest = 0;   // of these, how many had the slowest repetition first
  // Of at least so many if every order of repetitions were equally likely.
  double p_value = 1;
  double mean_first_over_others = 1;

  bool is_systematic() const { return p_value <= 0.05; }
};

// Over all hardware of an experiment; none without a configuration of three repetitions.
std::optional<WarmUp> FindWarmUp(const std::map<std::string, std::vector<RunTime>>& by_hardware);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_RUN_TIME_H_
