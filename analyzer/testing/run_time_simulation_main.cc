// bazel run //analyzer/testing:run_time_simulation: how often intervals of slowdowns hold the truth
// and the test finds what is not there (docs/numerics.md).
#include <cmath>
#include <cstdio>
#include <random>
#include <utility>
#include <vector>

#include "analyzer/statistics/small_samples.h"
#include "schema/run_times.h"

namespace forensics::analyzer {
namespace {

constexpr int kSimulations = 40000;
constexpr double kSlowdown = 1.1;
constexpr double kDeviation = 0.01;  // of the reference's times, over their mean

// Relative to the mean: normal values, or one-sided ones as interruptions make them.
class Scatter {
 public:
  Scatter(bool skewed, uint64_t seed) : skewed_(skewed), random_(seed) {}

  double Draw() { return skewed_ ? exponential_(random_) - 1 : normal_(random_); }

 private:
  const bool skewed_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::exponential_distribution<double> exponential_;
};

Sample Draw(int n, double mean, double deviation, Scatter& scatter) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(mean * (1 + deviation * scatter.Draw()));
  const schema::RunTimes times = schema::MeanAndVariance(values);
  return {n, times.mean_seconds, times.variance};
}

void Simulate(bool skewed, int n, double deviations) {
  Scatter scatter(skewed, 1);
  double held = 0, false_positives = 0, found = 0, width = 0;
  for (int i = 0; i < kSimulations; ++i) {
    const Sample reference = Draw(n, 1, kDeviation, scatter);
    const Sample slowed = Draw(n, kSlowdown, kDeviation * deviations, scatter);
    const Sample equal = Draw(n, 1, kDeviation * deviations, scatter);
    const std::optional<Interval> interval = MeanRatioInterval(slowed, reference);
    // No bound at all holds the truth.
    held += !interval.has_value() || (interval->low <= kSlowdown && kSlowdown <= interval->high);
    width += interval.has_value() ? interval->high - interval->low : INFINITY;
    false_positives += LargerMeanProbability(equal, reference).value() <= 0.05;
    found += LargerMeanProbability(slowed, reference).value() <= 0.05;
  }
  std::printf("| %s | %d | %g | %.3f | %.3f | %.3f | %.3f |\n",
              skewed ? "exponential" : "normal", n, deviations, held / kSimulations,
              false_positives / kSimulations, found / kSimulations, width / kSimulations);
}

}  // namespace
}  // namespace forensics::analyzer

int main() {
  std::printf("| times | n | ratio of deviations | interval | p <= 0.05 | found | width |\n");
  for (const bool skewed : {false, true}) {
    for (const int n : {2, 3, 5, 10}) {
      for (const double deviations : {1.0, 2.0, 5.0}) {
        forensics::analyzer::Simulate(skewed, n, deviations);
      }
    }
  }
}
