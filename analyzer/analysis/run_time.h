// How long the configurations of one hardware took: what concurrent work alone changes.
#ifndef ANALYZER_ANALYSIS_RUN_TIME_H_
#define ANALYZER_ANALYSIS_RUN_TIME_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/analysis/hardware.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

struct RunTime {
  const Configuration* configuration = nullptr;
  int64_t repetitions = 0;  // whose run time is known
  std::optional<double> mean_seconds;
  std::optional<double> variance;  // sample variance in s^2, of two repetitions or more
  std::optional<double> slowdown;  // mean over the baseline's mean; the baseline's own is 1
};

// As the configurations are listed. The times are those of the runs; where these have none, the
// configuration's timing.mean_seconds.
std::vector<RunTime> RunTimes(const Experiment& experiment, const HardwareGroup& group);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_RUN_TIME_H_
