#include "schema/run_times.h"

namespace forensics::schema {

RunTimes MeanAndVariance(const std::vector<double>& seconds) {
  RunTimes times;
  if (seconds.empty()) return times;
  const auto count = static_cast<double>(seconds.size());
  double sum = 0;
  for (const double s : seconds) sum += s;
  times.mean_seconds = sum / count;
  if (seconds.size() < 2) return times;
  double squares = 0;
  for (const double s : seconds) {
    squares += (s - times.mean_seconds) * (s - times.mean_seconds);
  }
  times.variance = squares / (count - 1);
  return times;
}

}  // namespace forensics::schema
