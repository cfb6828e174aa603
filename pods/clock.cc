#include "pods/clock.h"

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace forensics::pods {

double Now() {
  using Steady = std::chrono::steady_clock;
  static const Steady::time_point start = Steady::now();
  static const double time_of_start = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  return time_of_start + std::chrono::duration<double>(Steady::now() - start).count();
}

}  // namespace forensics::pods
