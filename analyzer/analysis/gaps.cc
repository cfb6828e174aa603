#include "analyzer/analysis/gaps.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace forensics::analyzer {
namespace {

std::string RunName(const RunRecord& run) {
  return absl::StrCat(run.config_id, " rep ", run.rep_id);
}

// How many of the run's steps x expected positions `stored` lacks, and the first of them.
template <typename Stored>
std::string MissingTimepoints(const Experiment& experiment, const RunRecord& run,
                              const std::map<Timepoint, Stored>& stored,
                              const std::string& signal) {
  if (stored.empty()) return absl::StrCat(RunName(run), ": ", signal, " is missing");
  int64_t missing = 0;
  Timepoint first;
  for (const auto& [number, step] : run.steps) {
    for (const int position : experiment.positions) {
      const Timepoint at{number, position};
      if (stored.count(at) > 0) continue;
      if (missing++ == 0) first = at;
    }
  }
  if (missing == 0) return "";
  return absl::StrFormat("%s: %s is missing at %d timepoints, first step %d, pos_%d", RunName(run),
                         signal, missing, first.step, first.position);
}

std::string MissingSteps(const Experiment& experiment, const RunRecord& run) {
  const int64_t expected = experiment.decode_steps.value_or(0);
  int64_t present = 0;
  int64_t first_missing = 0;
  for (const auto& [number, step] : run.steps) {
    if (number < 0 || number >= expected) continue;
    ++present;
    if (number == first_missing) ++first_missing;
  }
  if (present >= expected) return "";
  return absl::StrFormat("%s: %d of %d steps are missing, first step %d", RunName(run),
                         expected - present, expected, first_missing);
}

}  // namespace

std::set<SignalId> SignalsOf(const Experiment& experiment) {
  std::set<SignalId> signals = {HeadlineSignal(experiment), {SignalKind::kLogProbs, 0}};
  for (const int layer : experiment.layers) {
    signals.insert({SignalKind::kHiddenStates, layer});
    signals.insert({SignalKind::kKeyVectors, layer});
  }
  for (const RunRecord& run : experiment.runs) {
    for (const auto& [signal, vectors] : run.vectors) signals.insert(signal);
  }
  return signals;
}

SignalId HeadlineSignal(const Experiment& experiment) {
  SignalId headline{SignalKind::kHiddenStates, 0};
  if (!experiment.layers.empty()) {
    headline.layer = experiment.layers.back();
    return headline;
  }
  for (const RunRecord& run : experiment.runs) {
    for (const auto& [signal, vectors] : run.vectors) {
      if (signal.kind == headline.kind) headline.layer = std::max(headline.layer, signal.layer);
    }
  }
  return headline;
}

std::vector<std::string> MissingInRun(const Experiment& experiment, const RunRecord& run) {
  std::vector<std::string> gaps = {MissingSteps(experiment, run)};
  const Vectors none;
  for (const SignalId& signal : SignalsOf(experiment)) {
    const std::string name = SignalName(signal);
    if (signal.kind == SignalKind::kLogProbs) {
      gaps.push_back(MissingTimepoints(experiment, run, run.log_probs, name));
    } else {
      const auto stored = run.vectors.find(signal);
      gaps.push_back(MissingTimepoints(experiment, run,
                                       stored == run.vectors.end() ? none : stored->second, name));
    }
  }
  gaps.erase(std::remove(gaps.begin(), gaps.end(), ""), gaps.end());
  return gaps;
}

std::vector<std::string> OddRuns(const Experiment& experiment) {
  std::vector<std::string> odd;
  std::set<std::string> known;
  for (const Configuration& configuration : experiment.configurations) {
    if (known.insert(configuration.config_id).second) continue;
    odd.push_back(absl::StrCat(configuration.config_id,
                               ": this config_id is listed twice; the first one counts"));
  }
  std::map<std::pair<std::string, int64_t>, int> repetitions;
  for (const RunRecord& run : experiment.runs) {
    if (known.count(run.config_id) == 0) {
      odd.push_back(absl::StrCat(RunName(run), ": no configuration has this config_id; left out"));
    } else if (++repetitions[{run.config_id, run.rep_id}] == 2) {
      odd.push_back(absl::StrCat(RunName(run), ": this repetition is there more than once"));
    }
  }
  return odd;
}

}  // namespace forensics::analyzer
