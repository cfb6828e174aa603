// bazel run //analyzer/testing:resampling_simulation: how often intervals hold the truth and tests
// find what is not there, in sequences of known mean and correlation (docs/numerics.md).
//
// With `calibration` as its first argument: in those that the constants of resampling.cc were
// chosen by, which are others and have other seeds.
#include <cstdio>
#include <cstdlib>
#include <cstring>
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
  std::printf("%-12s %5zu %5.1f %5.1f %8.3f %8.3f %8.3f %8.3f %8.3f\n", name, length, first, second,
              mean / kSimulations, ratio / kSimulations, at_5_percent / kSimulations,
              at_1_percent / kSimulations, found / kSimulations);
  std::fflush(stdout);
}

struct Coefficients {
  double first;
  double second;
};

void SimulateMarginal(const Marginal& marginal, const std::vector<Coefficients>& coefficients,
                      size_t length, uint64_t seed) {
  for (const auto& [first, second] : coefficients) {
    Simulate(marginal.name, length, first, second,
             CorrelatedSequences(first, marginal, seed, second),
             CorrelatedSequences(first, marginal, seed + 1, second));
  }
}

void SimulateTable(size_t length) {
  constexpr uint64_t kSeed = 7;
  for (const Marginal& marginal : {LogNormalMarginal(), NormalMarginal()}) {
    SimulateMarginal(marginal, {{0, 0}, {0.3, 0}, {0.5, 0}, {0.7, 0}, {0.3, 0.3}}, length, kSeed);
  }
  for (const Marginal& marginal :
       {ExponentialMarginal(), LogLaplaceMarginal(), OutliersMarginal()}) {
    SimulateMarginal(marginal, {{0, 0}, {0.5, 0}}, length, kSeed);
  }
  const auto simulate = [&](const char* name, double first, double second, double share,
                            int block) {
    Simulate(name, length, first, second, BlockSequences(share, block, kSeed),
             BlockSequences(share, block, kSeed + 1));
  };
  // Their correlations at lags 1 and 2: (block - lag) / block of the share.
  simulate("blocks 2", 0.4, 0, 0.8, 2);
  simulate("blocks 4", 0.375, 0.25, 0.5, 4);
  simulate("blocks 4", 0.6, 0.4, 0.8, 4);
  simulate("blocks 16", 0.469, 0.438, 0.5, 16);
}

void SimulateCalibration(size_t length) {
  for (const Marginal& marginal : {WeibullMarginal(), UniformMarginal(), LogLogisticMarginal()}) {
    SimulateMarginal(marginal,
                     {{0, 0},
                      {0.2, 0},
                      {0.4, 0},
                      {0.6, 0},
                      {0.75, 0},
                      {0.2, 0.3},
                      {0.4, 0.2},
                      {0.2, 0.45},
                      {0.6, -0.3}},
                     length, 101);
  }
}

}  // namespace
}  // namespace forensics::analyzer

// resampling_simulation [calibration] [LENGTH...]
int main(int argc, char** argv) {
  const bool calibration = argc > 1 && std::strcmp(argv[1], "calibration") == 0;
  std::vector<size_t> lengths;
  for (int i = calibration ? 2 : 1; i < argc; ++i) {
    lengths.push_back(std::strtoul(argv[i], nullptr, 10));
  }
  if (lengths.empty()) lengths = {12, 16, 20, 32, 64};
  std::printf("%-12s %5s %5s %5s %8s %8s %8s %8s %8s\n", "values", "n", "lag 1", "lag 2", "mean",
              "ratio", "p<=0.05", "p<=0.01", "found");
  for (const size_t length : lengths) {
    if (calibration) {
      forensics::analyzer::SimulateCalibration(length);
    } else {
      forensics::analyzer::SimulateTable(length);
    }
  }
}
