#include "analyzer/analysis/pairing.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

bool SameValue(const Configuration& a, const Configuration& b) {
  return a.variable_value.index() == b.variable_value.index()
             ? a.variable_value == b.variable_value
             : a.variable_value.index() != 4 && b.variable_value.index() != 4 &&
                   ScalarText(a.variable_value) == ScalarText(b.variable_value);
}

// What the signals of both were computed in; float32, unless both say otherwise.
NumberFormat CommonFormat(const Configuration& a, const Configuration& b) {
  const auto is = [](const Configuration& configuration, NumberFormat format) {
    const auto dtype = configuration.circumstances.find("dtype");
    return dtype != configuration.circumstances.end() && dtype->second == NumberFormatName(format);
  };
  for (const NumberFormat format : {NumberFormat::kBfloat16, NumberFormat::kFloat16}) {
    if (is(a, format) && is(b, format)) return format;
  }
  return NumberFormat::kFloat32;
}

class Pairing {
 public:
  Pairing(const std::vector<HardwareGroup>& groups, const std::set<SignalId>& signals,
          ExperimentReport& report)
      : groups_(groups), signals_(signals), report_(report) {}

  void Run();

 private:
  ConfigurationPair MakePair(const Configuration& a, const Configuration& b);
  void MakePairs();
  const RunRecord* RunOf(const Configuration& configuration) const {
    return report_.RepetitionsOf(configuration).compared_run;
  }
  void CompareTokensOf(ConfigurationPair& pair) const;
  void CompareSignalOf(const SignalId& signal, ConfigurationPair& pair) const;
  void Compare() const;
  void NoteContexts(const ConfigurationPair& pair);
  void NoteLengths(const ConfigurationPair& pair);
  std::vector<ConfigurationPair> Variants(const HardwareGroup& group,
                                          const Configuration& baseline);

  const std::vector<HardwareGroup>& groups_;
  const std::set<SignalId>& signals_;
  ExperimentReport& report_;
  std::vector<ConfigurationPair*> pairs_;  // of the report
};

ConfigurationPair Pairing::MakePair(const Configuration& a, const Configuration& b) {
  ConfigurationPair pair;
  pair.a = &a;
  pair.b = &b;
  pair.value = ScalarText(b.variable_value);
  if (a.hardware == b.hardware) {
    pair.other_differences = OtherDifferences(report_.experiment.variable, a, b);
  }
  for (const Configuration* configuration : {&a, &b}) {
    if (report_.RepetitionsOf(*configuration).flagged()) {
      pair.not_reproducible.push_back(configuration->config_id);
    }
  }
  return pair;
}

void Pairing::CompareTokensOf(ConfigurationPair& pair) const {
  const RunRecord *const run_a = RunOf(*pair.a), *const run_b = RunOf(*pair.b);
  if (run_a == nullptr || run_b == nullptr) return;
  pair.comparison =
      CompareTokens(*run_a, *run_b, FedBySameReference(*pair.a, *run_a, *pair.b, *run_b));
  for (const SignalId& signal : signals_) pair.comparison->signals[signal];
}

void Pairing::CompareSignalOf(const SignalId& signal, ConfigurationPair& pair) const {
  if (!pair.comparison.has_value()) return;
  pair.comparison->signals.at(signal) =
      CompareSignal(*RunOf(*pair.a), *RunOf(*pair.b), signal, pair.comparison->contexts,
                    CommonFormat(*pair.a, *pair.b));
}

// One signal of pairs of the same value after the other: the vectors of the runs that they share
// stay in a core's cache. Pair by pair each would be fetched from memory for all of its pairs.
void Pairing::Compare() const {
  constexpr size_t kPairsATask = 16;
  std::vector<ConfigurationPair*> pairs = pairs_;
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const auto* a, const auto* b) { return a->value < b->value; });
  std::vector<std::function<void()>> tasks;
  for (ConfigurationPair* pair : pairs) tasks.push_back([this, pair] { CompareTokensOf(*pair); });
  RunOnAllCores(tasks);
  tasks.clear();
  for (const SignalId& signal : signals_) {
    for (size_t begin = 0; begin < pairs.size(); begin += kPairsATask) {
      tasks.push_back([this, &signal, &pairs, begin] {
        const size_t end = std::min(pairs.size(), begin + kPairsATask);
        for (size_t i = begin; i < end; ++i) CompareSignalOf(signal, *pairs[i]);
      });
    }
  }
  RunOnAllCores(tasks);
}

void Pairing::NoteContexts(const ConfigurationPair& pair) {
  const Contexts& contexts = pair.comparison->contexts;
  const std::string name = absl::StrCat(pair.a->config_id, " and ", pair.b->config_id);
  if (!contexts.same_prompt) {
    report_.findings.push_back(absl::StrCat(name, ": other prompts; no step is comparable"));
  }
  if (contexts.first_fed_difference.has_value() && contexts.steps_left_out > 0) {
    report_.findings.push_back(
        absl::StrFormat("%s: other tokens were fed after step %d; later steps left out: %d", name,
                        *contexts.first_fed_difference, contexts.steps_left_out));
  }
  if (contexts.first_unknown_token.has_value() && contexts.steps_left_out > 0) {
    report_.findings.push_back(absl::StrFormat(
        "%s: the token fed after step %d is not known in both; later steps left out: %d", name,
        *contexts.first_unknown_token, contexts.steps_left_out));
  }
  const std::pair<const Configuration*, const std::vector<int64_t>*> missing[] = {
      {pair.a, &contexts.missing_in_a}, {pair.b, &contexts.missing_in_b}};
  for (const auto& [configuration, steps] : missing) {
    if (steps->empty()) continue;
    report_.gaps.push_back(absl::StrFormat("%s: %d steps are missing in %s, first step %d", name,
                                           steps->size(), configuration->config_id,
                                           steps->front()));
  }
}

void Pairing::NoteLengths(const ConfigurationPair& pair) {
  int64_t unequal = 0;
  std::vector<std::string> names;
  for (const auto& [id, signal] : pair.comparison->signals) {
    if (signal.left_out.unequal_length == 0) continue;
    unequal += signal.left_out.unequal_length;
    names.push_back(SignalName(id));
  }
  if (names.empty()) return;
  report_.gaps.push_back(absl::StrFormat(
      "%s and %s: other lengths or malformed lists at %d timepoints of %d signals, first %s",
      pair.a->config_id, pair.b->config_id, unequal, names.size(), names.front()));
}

std::vector<ConfigurationPair> Pairing::Variants(const HardwareGroup& group,
                                                 const Configuration& baseline) {
  std::vector<ConfigurationPair> pairs;
  for (const Configuration* configuration : group.configurations) {
    if (configuration == group.baseline || SameValue(*configuration, *group.baseline)) continue;
    pairs.push_back(MakePair(baseline, *configuration));
  }
  return pairs;
}

void Pairing::MakePairs() {
  const auto list = [this](std::vector<ConfigurationPair>& pairs) {
    for (ConfigurationPair& pair : pairs) pairs_.push_back(&pair);
  };
  for (auto a = groups_.begin(); a != groups_.end(); ++a) {
    report_.within_hardware.push_back({a->name, a->baseline, Variants(*a, *a->baseline)});
    list(report_.within_hardware.back().pairs);
    for (auto b = std::next(a); b != groups_.end(); ++b) {
      if (IsOwnEmulation(a->name, b->name)) continue;
      CrossHardwareBaseline cross{a->name, b->name, {}};
      for (const Configuration* configuration : a->configurations) {
        const auto match = std::find_if(
            b->configurations.begin(), b->configurations.end(),
            [&](const Configuration* other) { return SameValue(*configuration, *other); });
        if (match == b->configurations.end()) continue;
        cross.pairs.push_back(MakePair(*configuration, **match));
      }
      report_.cross_hardware_baseline.push_back(std::move(cross));
      list(report_.cross_hardware_baseline.back().pairs);
    }
    for (const HardwareGroup& b : groups_) {
      if (&b == &*a) continue;
      report_.cross_hardware.push_back({a->name, b.name, Variants(*a, *b.baseline)});
      list(report_.cross_hardware.back().pairs);
    }
  }
}

void Pairing::Run() {
  MakePairs();
  Compare();
  for (const ConfigurationPair* pair : pairs_) {
    if (!pair->comparison.has_value()) continue;
    NoteContexts(*pair);
    NoteLengths(*pair);
  }
}

void NoteRepeatedVariants(const HardwareGroup& group, ExperimentReport& report) {
  for (auto b = group.configurations.begin(); b != group.configurations.end(); ++b) {
    if (SameValue(**b, *group.baseline)) continue;
    const auto a = std::find_if(group.configurations.begin(), b,
                                [&](const auto* other) { return SameValue(*other, **b); });
    if (a == b) continue;
    report.findings.push_back(absl::StrCat((*b)->config_id, ": the same value as ", (*a)->config_id,
                                           " on ", group.name,
                                           ": each is a variant, and each a pair of the noise "
                                           "where other hardware has the value"));
  }
}

void NoteValuesOfTwoKinds(const std::vector<HardwareGroup>& groups, ExperimentReport& report) {
  for (size_t i = 1; i < groups.size(); ++i) {
    const Configuration &first = *groups[0].baseline, &other = *groups[i].baseline;
    if (SameValue(first, other) ||
        ScalarText(first.variable_value) != ScalarText(other.variable_value)) {
      continue;
    }
    report.findings.push_back(absl::StrCat(
        other.config_id, ": its value ", ScalarText(other.variable_value), " is not that of ",
        first.config_id, ", as one of the two is a text: they are no pair of the noise"));
  }
}

}  // namespace

void NoteOddValues(const std::vector<HardwareGroup>& groups, ExperimentReport& report) {
  for (const HardwareGroup& group : groups) {
    for (const Configuration* configuration : group.configurations) {
      if (configuration == group.baseline || !SameValue(*configuration, *group.baseline)) continue;
      report.findings.push_back(absl::StrCat(configuration->config_id, ": the same value as ",
                                             group.baseline->config_id, " on ", group.name,
                                             ": not compared with it"));
    }
    NoteRepeatedVariants(group, report);
  }
  NoteValuesOfTwoKinds(groups, report);
}

void ComparePairs(const std::vector<HardwareGroup>& groups, const std::set<SignalId>& signals,
                  ExperimentReport& report) {
  Pairing(groups, signals, report).Run();
}

}  // namespace forensics::analyzer
