#include "collector/run_set.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "schema/digest.h"
#include "schema/stored_repetition.h"

namespace forensics::collector {
namespace {

using schema::CheckEqual;
using schema::Repetition;
using schema::RepetitionSummary;
using schema::RunManifest;

// Each step of the file repeats so many positions.
constexpr int kMostWindow = 1024;

int64_t Count(size_t count) { return static_cast<int64_t>(count); }

absl::Status CheckRequired(const std::string& path, const RunManifest& manifest) {
  const std::vector<std::pair<const char*, bool>> fields = {
      {"experiment.name", !manifest.experiment().name().empty()},
      {"hardware", !manifest.hardware().empty()},
      {"config_id", !manifest.config_id().empty()},
      {"extraction.window", manifest.extraction().window() > 0},
      {"decode_steps", manifest.decode_steps() > 0},
      {"prompt.token_ids", manifest.prompt().token_ids_size() > 0},
      {"repetitions", manifest.repetitions_size() > 0},
      {"a stored repetition",
       std::any_of(manifest.repetitions().begin(), manifest.repetitions().end(),
                   [](const RepetitionSummary& summary) { return summary.stored(); })}};
  for (const auto& [name, is_there] : fields) {
    if (!is_there) return absl::DataLossError(absl::StrCat(path, ": lacks ", name));
  }
  return absl::OkStatus();
}

// A layer is a key of the file: each once, in the order of the model.
absl::Status CheckExtraction(const std::string& path, const schema::ExtractionConfig& extraction) {
  if (extraction.window() > kMostWindow) {
    return absl::DataLossError(absl::StrCat(path, ": extraction.window is ", extraction.window(),
                                            ", expected at most ", kMostWindow));
  }
  int before = -1;
  for (const int layer : extraction.layers()) {
    if (layer <= before) {
      return absl::DataLossError(absl::StrCat(path, ": extraction.layers: ", layer,
                                              before < 0 ? "" : absl::StrCat(" behind ", before)));
    }
    before = layer;
  }
  return absl::OkStatus();
}

absl::Status CheckRepetitions(const std::string& path, const RunManifest& manifest) {
  for (int i = 0; i < manifest.repetitions_size(); ++i) {
    const RepetitionSummary& summary = manifest.repetitions(i);
    const std::string field = absl::StrCat("repetitions[", i, "].");
    absl::Status status = CheckEqual(path, field + "repetition", summary.repetition(), i);
    if (status.ok() &&
        !(summary.runtime_seconds() >= 0 && std::isfinite(summary.runtime_seconds()))) {
      status = absl::DataLossError(
          absl::StrCat(path, ": ", field, "runtime_seconds is ", summary.runtime_seconds()));
    }
    if (status.ok() && manifest.reproducible()) {
      status = CheckEqual(path, field + "signals_sha256 of a reproducible run",
                          summary.signals_sha256(), manifest.repetitions(0).signals_sha256());
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Concurrent work that did not run beside inference shows nothing.
absl::Status CheckOverlap(const std::string& path, const RunManifest& manifest) {
  if (!manifest.config().concurrent_work()) return absl::OkStatus();
  for (const RepetitionSummary& summary : manifest.repetitions()) {
    if (summary.background_load().overlap_seconds() > 0) continue;
    return absl::DataLossError(absl::StrCat(
        path, ": concurrent_work, but repetitions[", summary.repetition(), "].background_load ",
        summary.has_background_load() ? "did not overlap with inference" : "is missing"));
  }
  return absl::OkStatus();
}

absl::Status CheckPrompt(const std::string& path, const schema::PromptInfo& prompt) {
  for (const int64_t id : prompt.token_ids()) {
    if (id >= 0 && id <= std::numeric_limits<int32_t>::max()) continue;
    return absl::DataLossError(absl::StrCat(path, ": prompt.token_ids holds ", id));
  }
  return CheckEqual(path, "prompt.token_ids_sha256", prompt.token_ids_sha256(),
                    schema::TokenIdsSha256(prompt.token_ids()));
}

absl::Status CheckSize(const std::string& path, const std::string& what,
                       const schema::Values& values, int expected) {
  const size_t width = schema::BytesPerElement(values.dtype());
  return CheckEqual(path, what + " elements", Count(values.data().size() / width), expected);
}

absl::Status CheckPosition(const std::string& path, const Run& run,
                           const schema::PositionRecord& position) {
  const RunManifest& manifest = run.manifest;
  const std::string where = absl::StrCat("position ", position.position(), ": ");
  std::vector<int> layers;
  for (const schema::LayerSignals& layer : position.layers()) layers.push_back(layer.layer());
  absl::Status status = CheckEqual(path, where + "layers", absl::StrJoin(layers, ","),
                                   absl::StrJoin(manifest.extraction().layers(), ","));
  for (const schema::LayerSignals& layer : position.layers()) {
    const std::string at = absl::StrCat(where, "layer ", layer.layer(), ": ");
    status.Update(
        CheckSize(path, at + "hidden state", layer.hidden_state(), manifest.model().hidden_size()));
    status.Update(CheckSize(path, at + "key", layer.key(), manifest.model().key_size()));
  }
  const int log_probs =
      std::min(manifest.extraction().top_k_logprobs(), manifest.model().vocab_size());
  status.Update(
      CheckSize(path, where + "log-probs", position.top_log_probs().log_probs(), log_probs));
  if (position.has_reference_log_probs()) {
    status.Update(CheckSize(path, where + "reference log-probs",
                            position.reference_log_probs().log_probs(), log_probs));
  }
  return status;
}

// The prefill computes the window's positions, and each later step one more.
absl::Status CheckPositions(const std::string& path, const Run& run, const Repetition& repetition) {
  const int of_prefill = std::min(run.manifest.extraction().window(), run.prompt_tokens);
  const int first = run.prompt_tokens - of_prefill;
  absl::Status status = CheckEqual(path, "number of positions", Count(repetition.positions.size()),
                                   of_prefill + run.manifest.decode_steps() - 1);
  for (size_t i = 0; status.ok() && i < repetition.positions.size(); ++i) {
    const schema::PositionRecord& position = repetition.positions[i];
    const int index = static_cast<int>(i);
    status = CheckEqual(path, "position", position.position(), first + index);
    status.Update(CheckEqual(path, absl::StrCat("step of position ", position.position()),
                             position.computed_at_step(), std::max(0, index - of_prefill + 1)));
    status.Update(CheckPosition(path, run, position));
  }
  return status;
}

absl::Status CheckStoredSignals(const Run& run) {
  for (const RepetitionSummary& summary : run.manifest.repetitions()) {
    if (!summary.stored()) continue;
    absl::Status status = ReadRepetition(run, summary.repetition()).status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

bool IsWanted(const RunSetOptions& options, const Run& run) {
  const std::vector<std::string>& names = options.experiments;
  return names.empty() || run.IsReference() ||
         std::find(names.begin(), names.end(), run.manifest.experiment().name()) != names.end();
}

// The runner finds a damaged run finished, and needs to be told.
absl::Status WithWayOut(const absl::Status& status, const std::string& config_id) {
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), "; left out; run ",
                   config_id.empty() ? "this configuration" : config_id,
                   " again with --overwrite (bazel run //runner:exp<N> -- --overwrite)"));
}

// Adds the run if it is wanted and sound.
absl::Status AddRun(const RunSetOptions& options, const schema::RunDirectory& directory,
                    RunSet& set) {
  absl::StatusOr<Run> run = ReadRun(directory);
  if (!run.ok()) return WithWayOut(run.status(), "");
  if (!IsWanted(options, *run)) return absl::OkStatus();
  if (!run->manifest.reproducible() && !options.allow_non_reproducible) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory.path(), ": ", run->manifest.config_id(),
                     " is not reproducible: its repetitions differ; left out (see its manifest's "
                     "first_difference; --allow_non_reproducible takes it all the same)"));
  }
  if (absl::Status status = CheckStoredSignals(*run); !status.ok()) {
    return WithWayOut(status, run->manifest.config_id());
  }
  set.runs.push_back(*std::move(run));
  return absl::OkStatus();
}

}  // namespace

std::string Run::SignalsDigest() const {
  std::string digest = manifest.repetitions(0).signals_sha256();
  for (int i = 1; i < manifest.repetitions_size() && !manifest.reproducible(); ++i) {
    absl::StrAppend(&digest, ",", manifest.repetitions(i).signals_sha256());
  }
  return digest;
}

absl::StatusOr<Run> ReadRun(const schema::RunDirectory& directory) {
  absl::StatusOr<RunManifest> manifest = directory.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  absl::Status status = CheckRequired(directory.ManifestPath(), *manifest);
  if (status.ok()) status = CheckExtraction(directory.ManifestPath(), manifest->extraction());
  if (status.ok()) status = CheckRepetitions(directory.ManifestPath(), *manifest);
  if (status.ok()) status = CheckOverlap(directory.ManifestPath(), *manifest);
  if (status.ok()) status = CheckPrompt(directory.ManifestPath(), manifest->prompt());
  if (!status.ok()) return status;
  Run run{directory, *std::move(manifest)};
  run.prompt_tokens = run.manifest.prompt().token_ids_size();
  run.manifest.mutable_prompt()->clear_text();
  run.manifest.mutable_prompt()->clear_token_ids();
  return run;
}

absl::StatusOr<Repetition> ReadRepetition(const Run& run, int repetition) {
  absl::StatusOr<Repetition> signals =
      schema::ReadStoredRepetition(run.directory, run.manifest, repetition);
  if (!signals.ok()) return signals;
  const std::string path = absl::StrCat(run.directory.path(), ": repetition ", repetition);
  absl::Status status = CheckPositions(path, run, *signals);
  if (!status.ok()) return status;
  return signals;
}

RunSet FindRunSet(const RunSetOptions& options) {
  RunSet set;
  for (const std::string& results : options.results) {
    const absl::StatusOr<schema::FoundRuns> found = schema::FindRuns(results);
    if (!found.ok()) {
      set.problems.emplace_back(found.status().message());
      continue;
    }
    set.problems.insert(set.problems.end(), found->problems.begin(), found->problems.end());
    for (const schema::RunDirectory& directory : found->runs) {
      const absl::Status status = AddRun(options, directory, set);
      if (status.ok()) continue;
      set.problems.emplace_back(status.message());
      ++set.left_out;
    }
  }
  return set;
}

}  // namespace forensics::collector
