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
                                                        const std::string& config_id) {
  absl::StatusOr<Experiment> experiment = ReadExperiment(file);
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

void Library::Add(Experiment experiment) {
  const size_t first_new = known_.size();
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
    }
  }
  Compare(first_new);
  if (bytes_ <= most_bytes_) return;
  incomplete_ = true;
  bytes_ = bytes_before;
  for (size_t i = first_new; i < runs_.size(); ++i) runs_[i] = nullptr;
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
