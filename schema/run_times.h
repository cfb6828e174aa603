// The statistics of run times that every tool shows.
#ifndef SCHEMA_RUN_TIMES_H_
#define SCHEMA_RUN_TIMES_H_

#include <vector>

namespace forensics::schema {

// Mean and sample variance; the mean of none and the variance of fewer than two are 0.
struct RunTimes {
  double mean_seconds = 0;
  double variance = 0;
};

RunTimes MeanAndVariance(const std::vector<double>& seconds);

}  // namespace forensics::schema

#endif  // SCHEMA_RUN_TIMES_H_
