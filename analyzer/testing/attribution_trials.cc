#include "analyzer/testing/attribution_trials.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/parallel/parallel.h"

namespace forensics::analyzer {
namespace {

double ProbabilityOf(const std::string& truth, const Answer& answer) {
  if (truth == kNoneOfThese) return *answer.none_of_these;
  for (const Candidate& candidate : answer.candidates) {
    if (candidate.label == truth) return candidate.probability.value_or(0);
  }
  return 0;
}

}  // namespace

Trial RunTrial(const TrialShape& shape, uint64_t seed) {
  std::mt19937_64 random(seed);
  SyntheticLibrary library(shape.sizes, random());
  std::vector<Labels> labels;
  for (int hardware = 0; hardware < shape.hardware; ++hardware) {
    for (int value = 0; value < shape.values; ++value) {
      library.Add(value, hardware);
      labels.push_back({absl::StrCat(value), absl::StrCat("GPU ", hardware)});
    }
  }
  const int known_labels = shape.ask_hardware ? shape.hardware : shape.values;
  const int known_blocks = shape.ask_hardware ? shape.values : shape.hardware;
  const auto one_of = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  const bool is_known = random() % 2 == 0;
  const int label = is_known ? one_of(known_labels) : known_labels;
  const bool is_on_known = !is_known && random() % 2 == 0;
  const int block = is_on_known ? one_of(known_blocks) : known_blocks;
  library.Add(shape.ask_hardware ? block : label, shape.ask_hardware ? label : block);

  std::vector<ComparedRun> runs;
  for (size_t i = 0; i < library.runs().size(); ++i) {
    runs.push_back({&library.configurations()[i], &library.runs()[i]});
  }
  const ComparedRun unknown = runs.back();
  runs.pop_back();
  const PairDistances distances = DistancesBetween(runs);
  const NoiseScales scales = NoiseScalesOf(labels, distances);
  const Eigen::MatrixXd logs = LogDistances(distances, scales);
  const Question question = shape.ask_hardware ? QuestionOfHardware(labels, distances)
                                               : QuestionOfValue(labels, distances);
  Sighting sighting;
  sighting.log_distances.resize(static_cast<Eigen::Index>(runs.size()));
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunDistance distance = DistanceOf(unknown, runs[i]);
    sighting.identical.push_back(distance.identical());
    sighting.log_distances(static_cast<Eigen::Index>(i)) =
        LogDistance(distance, scales).value_or(std::numeric_limits<double>::quiet_NaN());
  }
  Trial trial;
  trial.answer = AnswerFor(question, logs, sighting);
  trial.truth = !is_known            ? kNoneOfThese
                : shape.ask_hardware ? absl::StrCat("GPU ", label)
                                     : absl::StrCat(label);
  return trial;
}

TrialSummary RunTrials(const TrialShape& shape, uint64_t first_seed, int trials) {
  std::vector<Trial> done(static_cast<size_t>(trials));
  std::vector<std::function<void()>> tasks;
  for (size_t i = 0; i < done.size(); ++i) {
    tasks.push_back([&, i] { done[i] = RunTrial(shape, first_seed + i); });
  }
  RunOnAllCores(tasks);
  TrialSummary summary;
  summary.trials = trials;
  for (const auto& [answer, truth] : done) {
    const bool is_right = answer.text() == truth;
    summary.right += is_right;
    const std::optional<double> confidence = answer.confidence();
    if (confidence.has_value()) summary.answers.Add(*confidence, is_right);
    const double none = answer.none_of_these.value();
    const bool says_none = none > 0.5;
    summary.membership.Add(std::max(none, 1 - none), says_none == (truth == kNoneOfThese));
    summary.log_loss -= std::log(std::max(ProbabilityOf(truth, answer), 1e-9)) / trials;
  }
  return summary;
}

}  // namespace forensics::analyzer
