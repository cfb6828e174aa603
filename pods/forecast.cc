#include "pods/forecast.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace forensics::pods {

double SecondsLeft(const std::vector<StepTime>& steps) {
  double taken = 0, estimated = 0, all_taken = 0;
  int finished = 0;
  for (const StepTime& step : steps) {
    if (step.progress != Progress::kDone || step.taken == 0) continue;
    all_taken += step.taken;
    ++finished;
    if (step.estimated == 0) continue;
    taken += step.taken;
    estimated += step.estimated;
  }
  const double scale = estimated > 0 ? taken / estimated : 1;
  const double average = finished > 0 ? all_taken / finished : 0;
  double left = 0;
  for (const StepTime& step : steps) {
    const double whole = step.estimated > 0 ? step.estimated * scale : average;
    if (step.progress == Progress::kLeft) left += whole;
    if (step.progress == Progress::kRunning) left += std::max(0.0, whole - step.taken);
  }
  return left;
}

std::string ClockText(double seconds) {
  const auto whole = static_cast<long>(std::lround(std::max(0.0, seconds)));
  const long hours = whole / 3600, minutes = whole / 60 % 60;
  return hours > 0 ? absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60)
                   : absl::StrFormat("%d:%02d", minutes, whole % 60);
}

std::string CostText(double seconds, double price_per_hour, const std::string& currency) {
  if (price_per_hour == 0) return "";
  return absl::StrFormat("%.2f %s", seconds / 3600 * price_per_hour, currency);
}

}  // namespace forensics::pods
