#include "pods/step_state.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/configurations.h"
#include "pods/damaged_runs.h"
#include "pods/step_work.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/list_directory.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;
using schema::RunDirectory;
using schema::RunManifest;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

absl::Status OtherWork(const RunDirectory& run, const char* field, const std::string& found,
                       const std::string& expected) {
  return absl::FailedPreconditionError(
      absl::StrCat(run.path(), ": a finished run of another plan: ", field, " is ", found,
                   ", expected ", expected, "; take another folder, or remove that run"));
}

// Whether the finished run is what the plan asks for, where the plan says it.
absl::Status CheckIsOfPlan(const RunDirectory& run, const RunManifest& manifest, const Plan& plan) {
  const Prompt& prompt = plan.prompt();
  const int tokens = manifest.experiment().prompt().document_tokens();
  if (prompt.document_tokens() != 0 && tokens != prompt.document_tokens()) {
    return OtherWork(run, "document_tokens", absl::StrCat(tokens),
                     absl::StrCat(prompt.document_tokens()));
  }
  if (prompt.decode_steps() != 0 && manifest.decode_steps() != prompt.decode_steps()) {
    return OtherWork(run, "decode_steps", absl::StrCat(manifest.decode_steps()),
                     absl::StrCat(prompt.decode_steps()));
  }
  const std::string& device = manifest.experiment().reference_config().device();
  if (device != plan.machine().device()) {
    return OtherWork(run, "device", device, plan.machine().device());
  }
  if (prompt.document().empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> sha256 = schema::Sha256HexOfFile(prompt.document());
  if (!sha256.ok()) return sha256.status();
  if (*sha256 == manifest.prompt().document_sha256()) return absl::OkStatus();
  return OtherWork(run, "document_sha256", manifest.prompt().document_sha256(), *sha256);
}

bool RanOn(const RunManifest& manifest, const GpuFacts& gpu) {
  const auto is = [&manifest](const char* name, const std::string& value) {
    const auto found = manifest.settings().find(name);
    return found == manifest.settings().end() || found->second == value;
  };
  return is("gpu.name", gpu.name) && is("gpu.driver", gpu.driver);
}

// The folder that holds the runs of one hardware label.
std::string FolderOf(const std::string& results, const std::string& hardware) {
  return fs::path(RunDirectory(results, hardware, "x").path()).parent_path().string();
}

bool IsWork(const Step& step) {
  return step.kind == StepKind::kTrial || step.kind == StepKind::kExperiment;
}

absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& folder) {
  std::vector<std::string> files;
  if (!Exists(folder)) return files;
  const auto entries = schema::ListDirectory(folder);
  if (!entries.ok()) return entries.status();
  for (const fs::directory_entry& entry : *entries) {
    std::error_code error;
    if (entry.is_regular_file(error)) files.push_back(entry.path().string());
  }
  return files;
}

// Of a step that has a stamp.
std::string OutputOf(const Step& step, const Workspace& workspace) {
  if (step.kind == StepKind::kCompare) return workspace.Report();
  return step.kind == StepKind::kFuse ? workspace.Experiments() : workspace.TrialExperiments();
}

// An experiment file of the collector's, or the analyzer's summary.
bool HasWhatToolsLeave(const std::string& folder) {
  std::vector<std::string> names = schema::ExperimentFiles();
  names.insert(names.end(), {schema::kReferenceBaselineFile, schema::kSummaryFile});
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return Exists(folder + "/" + name); });
}

bool HasNameOf(const RunDirectory& run, int experiment) {
  const std::vector<std::string>& suffixes = ConfigurationsOf(experiment);
  return std::any_of(suffixes.begin(), suffixes.end(), [&run](const std::string& suffix) {
    return absl::EndsWith(run.path(), "_" + suffix);
  });
}

}  // namespace

bool IsFuseOrCompare(const Step& step) {
  return step.kind == StepKind::kTrialFuse || step.kind == StepKind::kFuse ||
         step.kind == StepKind::kCompare;
}

absl::StatusOr<StepState> DiskState::OfRun(const std::string& hardware, const std::string& suffix,
                                           const Step& step) const {
  const RunDirectory run(workspace_.Results(), hardware,
                         absl::StrCat(schema::ShortHardware(hardware), "_", suffix));
  if (!run.IsFinished()) return StepState::kLeft;
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  absl::Status status = CheckIsOfPlan(run, *manifest, plan_);
  if (status.ok() && manifest->experiment().id() != step.experiment) {
    status = OtherWork(run, "experiment", absl::StrCat(manifest->experiment().id()),
                       absl::StrCat(step.experiment));
  }
  if (status.ok()) status = CheckShards(run, *manifest);
  if (!status.ok()) return status;
  return manifest->reproducible() ? StepState::kDone : StepState::kNotReproducible;
}

absl::StatusOr<std::string> DiskState::Hardware() const {
  if (!plan_.machine().hardware().empty()) return plan_.machine().hardware();
  const auto found = schema::FindRuns(workspace_.TrialResults());
  if (!found.ok()) return found.status();
  if (found->runs.empty()) return absl::NotFoundError("no trial yet");
  const absl::StatusOr<RunManifest> manifest = found->runs.front().ReadManifest();
  if (!manifest.ok()) return manifest.status();
  return manifest->hardware();
}

// An experiment's configurations stand in the manifest of each of its runs, but for the one that
// is the reference under another name.
absl::StatusOr<std::vector<std::string>> DiskState::Suffixes(const Step& step,
                                                             const std::string& hardware) const {
  if (!step.suffixes.empty()) return step.suffixes;
  std::vector<std::string> suffixes;
  const auto found = schema::FindRuns(FolderOf(workspace_.Results(), hardware));
  if (absl::IsNotFound(found.status())) return suffixes;
  if (!found.ok()) return found.status();
  for (const RunDirectory& run : found->runs) {
    const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
    // One that cannot be read counts where it has a configuration's name; the collector names all.
    if (!manifest.ok() && HasNameOf(run, step.experiment)) return manifest.status();
    if (!manifest.ok() || manifest->experiment().id() != step.experiment) continue;
    for (const schema::VariantSpec& variant : manifest->experiment().variants()) {
      const std::string& cuda = variant.overrides().cuda_version();
      if (cuda.empty() || cuda != plan_.machine().cuda_version()) {
        suffixes.push_back(variant.config_suffix());
      }
    }
    break;
  }
  return suffixes;
}

// Those of one configuration, where an experiment's are steps of their own ("exp3-gptq").
bool DiskState::HasFinishedRuns(const Step& step, const std::string& hardware) const {
  const auto found = schema::FindRuns(FolderOf(workspace_.Results(), hardware));
  if (!found.ok()) return false;
  const bool has_all = step.id == absl::StrCat("exp", step.experiment);
  return std::any_of(found->runs.begin(), found->runs.end(), [&](const RunDirectory& run) {
    const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
    if (!manifest.ok() || manifest->experiment().id() != step.experiment) return false;
    return has_all || absl::EndsWith(manifest->config_id(), "_" + step.suffixes.front());
  });
}

absl::Status DiskState::CheckWorkOf(const Step& step, const std::string& hardware) const {
  if (!HasFinishedRuns(step, hardware)) return absl::OkStatus();
  const std::string path = workspace_.Stamp(step.id);
  const auto error = [&](const std::string& what) {
    return absl::FailedPreconditionError(
        absl::StrCat(FolderOf(workspace_.Results(), hardware),
                     ": finished runs of another plan: ", step.id, ": ", what,
                     "; nothing was run again; take another folder with "
                     "--folder=DIR, or the plan as it was"));
  };
  if (!Exists(path)) return error(absl::StrCat("no ", path, " says what they are of"));
  const absl::StatusOr<std::string> then = schema::ReadFile(path);
  if (!then.ok()) return then.status();
  const absl::StatusOr<StepWork> now = WorkOf(plan_, step);
  if (!now.ok()) return now.status();
  const std::string difference = WorkDifference(ParseWork(*then), *now);
  return difference.empty() ? absl::OkStatus() : error(difference);
}

absl::Status DiskState::CheckWork() const {
  const absl::StatusOr<std::string> hardware = Hardware();
  if (!hardware.ok()) return absl::OkStatus();  // no trial, and so no results
  for (const Step& step : steps_) {
    if (step.kind != StepKind::kExperiment) continue;
    if (absl::Status status = CheckWorkOf(step, *hardware); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<StepState> DiskState::OfExperiment(const Step& step) const {
  const absl::StatusOr<std::string> hardware = Hardware();
  if (absl::IsNotFound(hardware.status())) return StepState::kLeft;
  if (!hardware.ok()) return hardware.status();
  if (absl::Status status = CheckWorkOf(step, *hardware); !status.ok()) return status;
  const auto suffixes = Suffixes(step, *hardware);
  if (!suffixes.ok()) return suffixes.status();
  StepState all = suffixes->empty() ? StepState::kLeft : StepState::kDone;
  for (const std::string& suffix : *suffixes) {
    const absl::StatusOr<StepState> state = OfRun(*hardware, suffix, step);
    if (!state.ok() || *state == StepState::kNotReproducible) return state;
    if (*state == StepState::kLeft) all = StepState::kLeft;
  }
  return all;
}

absl::StatusOr<StepState> DiskState::OfTrial(const Step& step) const {
  // It is no result: one of other work is made again.
  const absl::StatusOr<std::string> then = schema::ReadFile(workspace_.Stamp(step.id));
  if (!then.ok()) return StepState::kLeft;
  const absl::StatusOr<StepWork> now = WorkOf(plan_, step);
  if (!now.ok()) return now.status();
  if (!WorkDifference(ParseWork(*then), *now).empty()) return StepState::kLeft;
  const auto found = schema::FindRuns(workspace_.TrialResults());
  if (!found.ok() || found->runs.size() != 1) return StepState::kLeft;
  const RunDirectory& run = found->runs.front();
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok() || !CheckShards(run, *manifest).ok()) return StepState::kLeft;
  if (!gpus_.empty() && !RanOn(*manifest, gpus_.front())) return StepState::kLeft;
  if (!manifest->reproducible()) return StepState::kNotReproducible;
  return manifest->repetitions_size() >= 3 ? StepState::kDone : StepState::kLeft;
}

bool DiskState::AllUsersDone(int model) const {
  return std::all_of(steps_.begin(), steps_.end(), [&](const Step& step) {
    const std::string fetch = absl::StrCat("fetch-", plan_.models(model).quant_method());
    if (step.kind != StepKind::kExperiment && step.kind != StepKind::kTrial) return true;
    if (std::find(step.needs.begin(), step.needs.end(), fetch) == step.needs.end() && model != 0) {
      return true;
    }
    const auto state = Of(step, Thoroughness::kPresence);
    return state.ok() && *state == StepState::kDone;
  });
}

absl::StatusOr<StepState> DiskState::OfFetch(const Step& step, Thoroughness thoroughness) const {
  const Model& model = plan_.models(step.model);
  const absl::Status found = CheckModelFolder(ModelDirectory(plan_, model), model, thoroughness);
  if (found.ok()) return StepState::kDone;
  // What is damaged is fetched again, file by file.
  return AllUsersDone(step.model) ? StepState::kDone : StepState::kLeft;
}

std::vector<std::string> DiskState::OthersWithRuns() const {
  std::vector<std::string> results;
  for (const std::string& other : plan_.others().results()) {
    const auto found = schema::FindRuns(other);
    if (found.ok() && !found->runs.empty()) results.push_back(other);
  }
  return results;
}

std::vector<std::string> DiskState::OthersAwaited() const {
  const std::vector<std::string> here = OthersWithRuns();
  std::vector<std::string> awaited;
  for (const std::string& other : plan_.others().results()) {
    if (std::find(here.begin(), here.end(), other) == here.end()) awaited.push_back(other);
  }
  return awaited;
}

// Inputs, then outputs, each with its digest.
absl::StatusOr<std::string> DiskState::Stamp(const Step& step) const {
  std::vector<std::string> files;
  const bool fuses = step.kind != StepKind::kCompare;
  const std::string output = OutputOf(step, workspace_);
  std::vector<std::string> inputs = {workspace_.TrialResults()};
  if (step.kind == StepKind::kFuse) {
    inputs = OthersWithRuns();
    inputs.insert(inputs.begin(), workspace_.Results());
  }
  for (const std::string& results : fuses ? inputs : std::vector<std::string>()) {
    const auto found = schema::FindRuns(results);
    if (!found.ok()) return found.status();
    for (const RunDirectory& run : found->runs) files.push_back(run.ManifestPath());
  }
  const auto made_from = FilesIn(workspace_.Experiments());
  const auto made = FilesIn(output);
  if (!made_from.ok()) return made_from.status();
  if (!made.ok()) return made.status();
  if (!fuses) files.insert(files.end(), made_from->begin(), made_from->end());
  files.insert(files.end(), made->begin(), made->end());
  return DigestList(files);
}

absl::Status DiskState::CheckLeftFiles(const Step& step) const {
  const std::string output = OutputOf(step, workspace_);
  if (HasWhatToolsLeave(output)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(output, ": its process ended well, but left no file there"));
}

absl::Status DiskState::WriteStamp(const Step& step) const {
  if (IsWork(step)) {
    const absl::StatusOr<StepWork> work = WorkOf(plan_, step);
    if (!work.ok()) return work.status();
    return schema::WriteFileAtomically(workspace_.Stamp(step.id), WorkText(*work));
  }
  const absl::StatusOr<std::string> stamp = Stamp(step);
  if (!stamp.ok()) return stamp.status();
  return schema::WriteFileAtomically(workspace_.Stamp(step.id), *stamp);
}

absl::Status DiskState::NoteIncomplete(const Step& step, const std::string& missed) const {
  return schema::WriteFileAtomically(workspace_.Missed(step.id), missed);
}

void DiskState::ForgetIncomplete(const Step& step) const {
  std::error_code ignored;
  fs::remove(workspace_.Missed(step.id), ignored);
}

bool DiskState::WasIncomplete(const Step& step) const { return Exists(workspace_.Missed(step.id)); }

absl::StatusOr<StepState> DiskState::OfStamp(const Step& step) const {
  if (!Exists(workspace_.Stamp(step.id))) return StepState::kLeft;
  const absl::StatusOr<std::string> then = schema::ReadFile(workspace_.Stamp(step.id));
  const absl::StatusOr<std::string> now = Stamp(step);
  return then.ok() && now.ok() && *then == *now ? StepState::kDone : StepState::kLeft;
}

absl::StatusOr<StepState> DiskState::Of(const Step& step, Thoroughness thoroughness) const {
  switch (step.kind) {
    case StepKind::kFetch:
      return OfFetch(step, thoroughness);
    case StepKind::kTrial:
      return OfTrial(step);
    case StepKind::kExperiment:
      return OfExperiment(step);
    case StepKind::kDelete:
      return Exists(ModelDirectory(plan_, plan_.models(step.model))) || !AllUsersDone(step.model)
                 ? StepState::kLeft
                 : StepState::kDone;
    case StepKind::kTrialFuse:
    case StepKind::kFuse:
      return OfStamp(step);
    case StepKind::kCompare:
      // Alone, a machine has nothing to be compared with.
      return OthersWithRuns().empty() ? absl::StatusOr<StepState>(StepState::kWaiting)
                                      : OfStamp(step);
  }
  return absl::InternalError("no such kind of step");
}

std::string WaitingText(const DiskState& disk) {
  return "waiting for finished runs in " + absl::StrJoin(disk.OthersAwaited(), ", ");
}

}  // namespace forensics::pods
