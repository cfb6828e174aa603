// How long the rest will take, and what it costs.
#ifndef PODS_FORECAST_H_
#define PODS_FORECAST_H_

#include <string>
#include <vector>

namespace forensics::pods {

enum class Progress { kDone, kRunning, kLeft, kFailed, kMissing };

struct StepTime {
  Progress progress = Progress::kLeft;
  double estimated = 0;  // seconds, by the plan; 0: not known
  double taken = 0;      // so far; 0 of a step that is done: not known
};

// Seconds until all is done. The plan's estimates are scaled by how those of finished steps turned
// out; a step without one takes as long as those that are finished took on average.
double SecondsLeft(const std::vector<StepTime>& steps);

// "1:05", "2:03:59"
std::string ClockText(double seconds);

// "0.85 USD"; nothing for a price of 0.
std::string CostText(double seconds, double price_per_hour, const std::string& currency);

}  // namespace forensics::pods

#endif  // PODS_FORECAST_H_
