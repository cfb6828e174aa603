// bazel run -c opt //analyzer/testing:attribution_simulation: whether the probabilities of
// attribution are right as often as they say, on libraries whose truth is known (docs/numerics.md).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "analyzer/testing/attribution_trials.h"

namespace forensics::analyzer {
namespace {

constexpr int kTrials = 400;
constexpr int kBins = 5;

struct Bin {
  int n = 0;
  int right = 0;
  double confidence = 0;
};

void Simulate(const TrialShape& shape) {
  std::array<Bin, kBins> bins;
  int right = 0, rejected = 0, known = 0;
  for (int i = 0; i < kTrials; ++i) {
    const Trial trial = RunTrial(shape, static_cast<uint64_t>(i));
    for (const Candidate& candidate : trial.answer.candidates) {
      if (candidate.label != trial.truth) continue;
      ++known;
      rejected += candidate.p_value < 0.34;
    }
    const std::optional<double> confidence = trial.answer.confidence();
    if (!confidence.has_value()) continue;
    const double place = (*confidence - 0.2) / 0.8 * kBins;
    Bin& bin = bins[static_cast<size_t>(std::clamp(place, 0.0, kBins - 1.0))];
    ++bin.n;
    bin.confidence += *confidence;
    const bool is_right = trial.answer.text() == trial.truth;
    bin.right += is_right;
    right += is_right;
  }
  double error = 0;
  for (const Bin& bin : bins) error += std::abs(bin.confidence - bin.right) / kTrials;
  std::printf("%-8s %3d %3d %6.1f %6.3f %6.3f %6.3f ", shape.ask_hardware ? "hardware" : "value",
              shape.values, shape.hardware, shape.sizes.value, static_cast<double>(right) / kTrials,
              error, static_cast<double>(rejected) / std::max(known, 1));
  for (const Bin& bin : bins) {
    if (bin.n < 20) {
      std::printf("   -           ");
    } else {
      std::printf("   %.2f/%.2f %4d", bin.confidence / bin.n,
                  static_cast<double>(bin.right) / bin.n, bin.n);
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace
}  // namespace forensics::analyzer

int main() {
  using forensics::analyzer::TrialShape;
  std::printf(
      "asked    val  hw effect  right    ECE p<=1/3    confidence/right n, by confidence\n");
  for (const bool ask_hardware : {false, true}) {
    for (const auto& [values, hardware] : {std::pair(2, 2), {3, 2}, {3, 3}, {5, 3}}) {
      for (const double effect : {0.3, 1.0, 2.0, 5.0, 30.0}) {
        TrialShape shape;
        shape.values = values;
        shape.hardware = hardware;
        shape.sizes.value = effect;
        shape.ask_hardware = ask_hardware;
        forensics::analyzer::Simulate(shape);
      }
    }
  }
}
