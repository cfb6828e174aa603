// bazel run //analyzer/testing:resampling_simulation: how often intervals hold the truth and tests
// find what is not there, in sequences of known mean and correlation (docs/numerics.md).
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "analyzer/statistics/resampling.h"
#include "analyzer/testing/correlated_sequences.h"

namespace forensics::analyzer {
namespace {

constexpr int kSimulations = 4000;

bool Holds(const Interval& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;
}

template <typename Sequences>
void Simulate(const char* name, size_t length, double first, double second, Sequences sequences,
              Sequences others) {
  double mean = 0, ratio = 0, at_5_percent = 0, at_1_percent = 0, found = 0;
  for (int i = 0; i < kSimulations; ++i) {
    const std::vector<double> a = sequences.Draw(length), b = others.Draw(length);
    mean += Holds(*MeanInterval(a), sequences.Mean());
    ratio += Holds(*RatioInterval(a, b), 1);
    std::vector<double> nothing, something;
    for (size_t j = 0; j < length; ++j) {
      nothing.push_back(a[j] - b[j]);
      something.push_back(1.5 * a[j] - b[j]);
    }
    const double p = *ExceedanceProbability(nothing);
    at_5_percent += p <= 0.05;
    at_1_percent += p <= 0.01;
    found += *ExceedanceProbability(something) <= 0.05;
  }
  std::printf("%-10s %5zu %5.1f %5.1f %8.3f %8.3f %8.3f %8.3f %8.3f\n", name, length, first, second,
              mean / kSimulations, ratio / kSimulations, at_5_percent / kSimulations,
              at_1_percent / kSimulations, found / kSimulations);
  std::fflush(stdout);
}

}  // namespace
}  // namespace forensics::analyzer

// resampling_simulation [LENGTH...]
int main(int argc, char** argv) {
  using forensics::analyzer::BlockSequences;
  using forensics::analyzer::CorrelatedSequences;
  using forensics::analyzer::Simulate;
  constexpr double kCoefficients[][2] = {{0, 0}, {0.3, 0}, {0.5, 0}, {0.7, 0}, {0.3, 0.3}};
  std::vector<size_t> lengths = {12, 16, 20, 32, 64, 128};
  if (argc > 1) lengths.clear();
  for (int i = 1; i < argc; ++i) lengths.push_back(std::strtoul(argv[i], nullptr, 10));
  std::printf("%-10s %5s %5s %5s %8s %8s %8s %8s %8s\n", "values", "n", "lag 1", "lag 2", "mean",
              "ratio", "p<=0.05", "p<=0.01", "found");
  for (const size_t length : lengths) {
    for (const bool log_normal : {true, false}) {
      for (const auto& [first, second] : kCoefficients) {
        Simulate(log_normal ? "log-normal" : "normal", length, first, second,
                 CorrelatedSequences(first, log_normal, 7, second),
                 CorrelatedSequences(first, log_normal, 8, second));
      }
    }
    // Correlations of blocks of 2 and 4 at lags 1 and 2: (block - lag) / block of the share.
    Simulate("blocks 2", length, 0.4, 0, BlockSequences(0.8, 2, 7), BlockSequences(0.8, 2, 8));
    Simulate("blocks 4", length, 0.375, 0.25, BlockSequences(0.5, 4, 7), BlockSequences(0.5, 4, 8));
    Simulate("blocks 4", length, 0.6, 0.4, BlockSequences(0.8, 4, 7), BlockSequences(0.8, 4, 8));
  }
}
