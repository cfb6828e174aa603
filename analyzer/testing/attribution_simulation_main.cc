// bazel run //analyzer/testing:attribution_simulation -- [FIRST_SEED [TRIALS]]: whether the
// probabilities of attribution are right as often as they say, on libraries whose truth is known
// (docs/numerics.md). Tables in Markdown.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "analyzer/attribution/leave_one_out.h"
#include "analyzer/testing/attribution_trials.h"

namespace forensics::analyzer {
namespace {

constexpr double kLevel = 0.95;
constexpr uint64_t kSeedsApart = 1000000;

void PrintReliability(const char* what, const Reliability& reliability) {
  std::printf("\n| %s | stated | right | 95 %% interval | count |\n|---|---|---|---|---|\n", what);
  for (const ReliabilityBin& bin : reliability.bins()) {
    if (bin.n() == 0) continue;
    const Interval interval = *HitRate{bin.n(), bin.right}.interval(kLevel);
    std::printf("| %.2f to %.2f | %.3f | %.3f | %.3f to %.3f | %lld |\n", bin.low, bin.high,
                bin.mean_stated(), bin.share_right(), interval.low, interval.high,
                static_cast<long long>(bin.n()));
  }
  std::fflush(stdout);
}

void PrintShape(const TrialShape& shape, const TrialSummary& summary) {
  std::printf("| %d | %d | %.1f | %.1f | %.3f | %.3f | %.3f | %.3f | %.2g |\n", shape.values,
              shape.hardware, shape.sizes.value, shape.sizes.spread, summary.share_right(),
              summary.answers.mean_stated(), summary.answers.CalibrationError(), summary.log_loss,
              summary.answers.LeastTooSureProbability());
  std::fflush(stdout);
}

constexpr std::pair<int, int> kLibraries[] = {{2, 2}, {5, 2}, {5, 3}, {10, 5}, {2, 20}};

// A line a library and effect; adds up what is said.
void Simulate(TrialShape shape, const std::vector<double>& effects, uint64_t& seed, int trials) {
  Reliability answers, membership;
  std::printf(
      "\n| setups | hardware | effect | spread | right | stated | ECE | log loss | least p |\n"
      "|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& [values, hardware] : kLibraries) {
    shape.values = values;
    shape.hardware = hardware;
    for (const double effect : effects) {
      shape.sizes.value = effect;
      const TrialSummary summary = RunTrials(shape, seed += kSeedsApart, trials);
      PrintShape(shape, summary);
      answers.Add(summary.answers);
      membership.Add(summary.membership);
    }
  }
  PrintReliability("confidence of the answer", answers);
  PrintReliability("in the library, or not", membership);
}

void SimulateAll(bool ask_hardware, uint64_t seed, int trials) {
  TrialShape shape;
  shape.ask_hardware = ask_hardware;
  for (const double spread : {0.3, 0.6}) {
    std::printf("\n## Which %s, spread %.1f\n", ask_hardware ? "hardware" : "setup", spread);
    shape.sizes.spread = spread;
    Simulate(shape, {0.1, 0.3, 1.0, 2.0, 5.0, 30.0}, seed, trials);
  }
  std::printf("\n## Which %s, setups of very different sizes\n",
              ask_hardware ? "hardware" : "setup");
  shape.sizes.spread = 0.3;
  shape.sizes.value_spread = 1.5;
  Simulate(shape, {5.0}, seed, trials * 3);
}

}  // namespace
}  // namespace forensics::analyzer

int main(int argc, char** argv) {
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000000;
  const int trials = argc > 2 ? std::atoi(argv[2]) : 200;
  for (const bool ask_hardware : {false, true}) {
    forensics::analyzer::SimulateAll(ask_hardware, seed + (ask_hardware ? 500000000 : 0), trials);
  }
}
