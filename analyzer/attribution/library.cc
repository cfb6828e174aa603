#include "analyzer/attribution/library.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/analysis/hardware.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

// The lowest stored repetition, null if there is none.
RunRecord* StoredRun(Experiment& experiment, const std::string& config_id) {
  RunRecord* lowest = nullptr;
  for (RunRecord& run : experiment.runs) {
    if (run.config_id != config_id || !run.stored()) continue;
    if (lowest == nullptr || run.rep_id < lowest->rep_id) lowest = &run;
  }
  return lowest;
}

int64_t BytesOf(const RunRecord& run) {
  std::set<const void*> seen;
  int64_t bytes = 0;
  for (const auto& [signal, vectors] : run.vectors) {
    for (const auto& [at, vector] : vectors) {
      if (!seen.insert(vector.get()).second) continue;
      bytes += static_cast<int64_t>(vector->size() * sizeof(float));
    }
  }
  return bytes;
}

constexpr size_t kEntry = 192;  // bytes of a map's, with what it holds

// About what a reader takes from its budget for what is kept of a run.
size_t StructureOf(const RunRecord& run) {
  size_t bytes =
      kEntry * (1 + run.steps.size()) + run.config_id.size() + run.prompt_text.value_or("").size();
  for (const auto& [number, step] : run.steps) bytes += step.token_text.value_or("").size();
  for (const auto& [signal, vectors] : run.vectors) bytes += kEntry * (1 + vectors.size());
  for (const auto* log_probs : {&run.log_probs, &run.reference_log_probs}) {
    for (const auto& [at, lists] : *log_probs) {
      bytes +=
          kEntry + lists.token_ids.size() * sizeof(int64_t) + lists.values.size() * sizeof(float);
    }
  }
  return bytes;
}

size_t StructureOf(const Configuration& configuration) {
  size_t bytes = kEntry + configuration.config_id.size() + configuration.hardware.size();
  for (const auto& [name, value] : configuration.circumstances) {
    bytes += kEntry + name.size() + value.size();
  }
  return bytes + kEntry * configuration.overlap.size();
}

std::set<SignalId> SignalsOf(const RunRecord& run) {
  std::set<SignalId> signals = {{SignalKind::kLogProbs, 0}};
  for (const auto& [signal, vectors] : run.vectors) signals.insert(signal);
  return signals;
}

Observation Observe(const ComparedRun& unknown, const ComparedRun& known) {
  Observation observation;
  observation.distance = DistanceOf(unknown, known);
  const bool same_reference =
      FedBySameReference(*unknown.configuration, *unknown.run, *known.configuration, *known.run);
  observation.first_divergence =
      CompareRuns(*unknown.run, *known.run, SignalsOf(*unknown.run), same_reference)
          .FirstDivergence();
  return observation;
}

std::string ValueOf(const KnownConfiguration& known) {
  return ScalarText(known.configuration.variable_value);
}

bool SameSetup(const KnownConfiguration& a, const KnownConfiguration& b) {
  if (a.is_reference && b.is_reference) return true;
  return a.variable == b.variable && ValueOf(a) == ValueOf(b);
}

}  // namespace

absl::StatusOr<std::vector<UnknownRun>> ReadUnknownRuns(const std::string& file,
                                                        const std::string& config_id,
                                                        std::shared_ptr<StructureBudget> budget) {
  absl::StatusOr<Experiment> experiment = ReadExperiment(file, {0, std::move(budget)});
  if (!experiment.ok()) return experiment.status();
  std::vector<UnknownRun> unknowns;
  std::set<std::string> seen;
  for (const Configuration& configuration : experiment->configurations) {
    const std::string& id = configuration.config_id;
    if ((!config_id.empty() && id != config_id) || !seen.insert(id).second) continue;
    RunRecord* run = StoredRun(*experiment, id);
    if (run != nullptr) unknowns.push_back({{file, id}, configuration, std::move(*run)});
  }
  if (!unknowns.empty()) return unknowns;
  return absl::NotFoundError(
      config_id.empty()
          ? absl::StrCat(file, ": at /runs: no configuration has a run with signals (decode_steps)")
          : absl::StrCat(file, ": at /configurations: none with config_id '", config_id,
                         "' and a run with signals (decode_steps)"));
}

Library::Library(std::vector<UnknownRun> unknowns, int64_t most_bytes,
                 std::shared_ptr<StructureBudget> budget)
    : unknowns_(std::move(unknowns)),
      most_bytes_(most_bytes),
      labels_share_(budget),
      runs_share_(budget),
      observations_(unknowns_.size()) {
  for (const UnknownRun& unknown : unknowns_) {
    labels_share_.Take(StructureOf(unknown.configuration) + StructureOf(unknown.run));
  }
}

void Library::Add(Experiment experiment) {
  experiment.share = nullptr;  // what is kept is taken anew
  const size_t first_new = known_.size();
  BudgetShare share(runs_share_.budget());
  const int64_t bytes_before = bytes_;
  for (const HardwareGroup& group : GroupByHardware(experiment)) {
    for (const Configuration* configuration : group.configurations) {
      RunRecord* run = StoredRun(experiment, configuration->config_id);
      if (run == nullptr) continue;
      KnownConfiguration known;
      known.places = {{experiment.path, configuration->config_id}};
      known.configuration = *configuration;
      known.variable = experiment.variable;
      known.is_reference =
          !group.baseline_is_substitute &&
          ScalarText(configuration->variable_value) == ScalarText(group.baseline->variable_value);
      if (TakeAsCopy(known, *run)) continue;
      known_.push_back(std::move(known));
      runs_.push_back(std::make_unique<RunRecord>(std::move(*run)));
      bytes_ += BytesOf(*runs_.back());
      share.Take(StructureOf(*runs_.back()));
      labels_share_.Take(StructureOf(known_.back().configuration));
    }
  }
  Compare(first_new);
  if (bytes_ <= most_bytes_) return runs_share_.Absorb(std::move(share));
  incomplete_ = true;
  bytes_ = bytes_before;
  for (size_t i = first_new; i < runs_.size(); ++i) runs_[i] = nullptr;
}

bool Library::LetGo() {
  const auto is_kept = [](const std::unique_ptr<RunRecord>& run) { return run != nullptr; };
  if (std::none_of(runs_.begin(), runs_.end(), is_kept)) return false;
  incomplete_ = true;
  bytes_ = 0;
  for (std::unique_ptr<RunRecord>& run : runs_) run = nullptr;
  runs_share_ = BudgetShare(runs_share_.budget());
  return true;
}

bool Library::TakeAsCopy(const KnownConfiguration& candidate, const RunRecord& run) {
  if (!run.runtime_seconds.has_value()) return false;
  for (size_t i = 0; i < known_.size(); ++i) {
    KnownConfiguration& known = known_[i];
    if (runs_[i] == nullptr || known.places.front().file == candidate.places.front().file ||
        known.configuration.hardware != candidate.configuration.hardware ||
        runs_[i]->runtime_seconds != run.runtime_seconds || !SameSetup(known, candidate) ||
        !DistanceOf({&known.configuration, runs_[i].get()}, {&candidate.configuration, &run})
             .identical()) {
      continue;
    }
    known.places.push_back(candidate.places.front());
    return true;
  }
  return false;
}

void Library::Compare(size_t first_new) {
  distances_.resize(known_.size());
  for (std::vector<Observation>& row : observations_) row.resize(known_.size());
  std::vector<std::function<void()>> tasks;
  for (size_t i = first_new; i < known_.size(); ++i) {
    distances_[i].resize(i);
    tasks.push_back([this, i] {
      const ComparedRun run{&known_[i].configuration, runs_[i].get()};
      for (size_t j = 0; j < i; ++j) {
        if (runs_[j] == nullptr) continue;
        distances_[i][j] = DistanceOf(run, {&known_[j].configuration, runs_[j].get()});
      }
      for (size_t u = 0; u < unknowns_.size(); ++u) {
        observations_[u][i] = Observe({&unknowns_[u].configuration, &unknowns_[u].run}, run);
      }
    });
  }
  RunOnAllCores(tasks);
}

std::vector<Labels> Library::labels() const {
  Experiment all;
  std::set<std::string> variables;
  for (const KnownConfiguration& known : known_) {
    all.configurations.push_back(known.configuration);
    variables.insert(known.variable);
  }
  const std::map<std::string, std::string> hardware = ArithmeticNames(all);
  std::vector<Labels> labels;
  for (const KnownConfiguration& known : known_) {
    const bool is_plain_reference =
        known.is_reference && (variables.size() > 1 || known.variable == "none");
    labels.push_back(
        {is_plain_reference ? "reference" : absl::StrCat(known.variable, "=", ValueOf(known)),
         hardware.at(known.configuration.hardware)});
  }
  return labels;
}

}  // namespace forensics::analyzer
