#include "pods/run_steps.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pods/configurations.h"
#include "pods/folder_claim.h"
#include "pods/model_identity.h"
#include "pods/step_work.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

using schema::RunDirectory;
using schema::RunManifest;

constexpr int kTrialRepetitions = 3;

// What is found of a run, against what the plan says.
absl::Status CheckField(const RunDirectory& run, const char* field, const std::string& found,
                        const std::string& expected) {
  if (found == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(run.path(), ": a finished run of another plan: ", field, " is ", found,
                   ", expected ", expected, "; take another folder, or remove that run"));
}

absl::Status CheckField(const RunDirectory& run, const char* field, int found, int expected) {
  return CheckField(run, field, absl::StrCat(found), absl::StrCat(expected));
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
  return std::filesystem::path(RunDirectory(results, hardware, "x").path()).parent_path().string();
}

bool HasNameOf(const RunDirectory& run, int experiment) {
  const std::vector<std::string>& suffixes = ConfigurationsOf(experiment);
  return std::any_of(suffixes.begin(), suffixes.end(), [&run](const std::string& suffix) {
    return absl::EndsWith(run.path(), "_" + suffix);
  });
}

}  // namespace

absl::Status RunRules::Begin(const Step& step) { return WriteWorkStamp(plan_, step, digests_); }

absl::Status RunRules::CheckModel(const Step& step, const RunDirectory& run,
                                  const RunManifest& manifest) const {
  if (step.loads.empty()) return absl::OkStatus();
  const int last = step.loads.back();  // the quantised one's, of a step that loads it too
  const std::string key = last == 0 ? "model" : "model_" + plan_.models(last).quant_method();
  absl::StatusOr<StepWork> work = ReadWorkStamp(plan_, step);
  if (!work.ok()) return work.status();
  const std::string expected(DigestOfIdentity((*work)[key]));
  const std::string& found = manifest.model().digest();
  if (expected.empty() || found == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(run.path(), ": ran another model: its digest is ", found, ", expected ",
                   expected, "; see what lies in the model's folder, and remove that run"));
}

absl::StatusOr<StepState> TrialRules::StateOf(const Step& step, Thoroughness) {
  const auto difference = WorkSinceStamp(plan_, step, digests_);
  if (!difference.ok()) return difference.status();
  const bool is_this_work = difference->has_value() && (*difference)->empty();
  if (!is_this_work) return StepState::kLeft;
  const auto found = schema::FindRuns(workspace_.TrialResults());
  if (!found.ok() || found->runs.size() != 1) return StepState::kLeft;
  const RunDirectory& run = found->runs.front();
  const absl::StatusOr<RunManifest> manifest = runs_.Manifest(run);
  if (!manifest.ok() || !runs_.Check(run).ok()) return StepState::kLeft;
  if (!gpus_.empty() && !RanOn(*manifest, gpus_.front())) return StepState::kLeft;
  if (!CheckModel(step, run, *manifest).ok()) return StepState::kLeft;
  if (!manifest->reproducible()) return StepState::kNotReproducible;
  return manifest->repetitions_size() >= kTrialRepetitions ? StepState::kDone : StepState::kLeft;
}

absl::Status TrialRules::Begin(const Step& step) {
  const absl::Status status = RunRules::Begin(step);
  return status.ok() ? EmptyClaimedFolder(workspace_.Trial()) : status;
}

absl::Status TrialRules::End(const Step& step) {
  const auto found = schema::FindRuns(workspace_.TrialResults());
  if (!found.ok() || found->runs.empty()) return absl::OkStatus();  // StateOf misses it
  const absl::StatusOr<RunManifest> manifest = runs_.Manifest(found->runs.front());
  return manifest.ok() ? CheckModel(step, found->runs.front(), *manifest) : manifest.status();
}

absl::StatusOr<std::string> ExperimentRules::Hardware() {
  if (!plan_.machine().hardware().empty()) return plan_.machine().hardware();
  const auto found = schema::FindRuns(workspace_.TrialResults());
  if (!found.ok()) return found.status();
  if (found->runs.empty()) return absl::NotFoundError("no trial yet");
  const absl::StatusOr<RunManifest> manifest = runs_.Manifest(found->runs.front());
  if (!manifest.ok()) return manifest.status();
  return manifest->hardware();
}

// Of a part ("exp3-gptq") those of its configuration.
bool ExperimentRules::HasFinishedRuns(const Step& step, const std::string& results) {
  const auto found = schema::FindRuns(results);
  if (!found.ok()) return false;
  return std::any_of(found->runs.begin(), found->runs.end(), [&](const RunDirectory& run) {
    const absl::StatusOr<RunManifest> manifest = runs_.Manifest(run);
    if (!manifest.ok() || manifest->experiment().id() != step.experiment) return false;
    return !step.is_part || absl::EndsWith(manifest->config_id(), "_" + step.suffixes.front());
  });
}

absl::Status ExperimentRules::CheckStamp(const Step& step, const std::string& results) {
  if (!HasFinishedRuns(step, results)) return absl::OkStatus();
  const auto difference = WorkSinceStamp(plan_, step, digests_);
  if (!difference.ok()) return difference.status();
  const std::string no_stamp =
      absl::StrCat("no ", workspace_.Stamp(step.id), " says what they are of");
  const std::string what = difference->value_or(no_stamp);
  if (what.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      results, ": finished runs of another plan: ", step.id, ": ", what,
      "; nothing was run again; take another folder with --folder=DIR, or the plan as it was"));
}

absl::Status ExperimentRules::CheckWork(const Step& step) {
  const absl::StatusOr<std::string> hardware = Hardware();
  // Without a trial, results may be those that an earlier one was followed by.
  return CheckStamp(
      step, hardware.ok() ? FolderOf(workspace_.Results(), *hardware) : workspace_.Results());
}

// An experiment's configurations stand in the manifest of each of its runs, but for the one that
// is the reference under another name.
absl::StatusOr<std::vector<std::string>> ExperimentRules::Suffixes(const Step& step,
                                                                   const std::string& hardware) {
  if (!step.suffixes.empty()) return step.suffixes;
  std::vector<std::string> suffixes;
  const auto found = schema::FindRuns(FolderOf(workspace_.Results(), hardware));
  if (absl::IsNotFound(found.status())) return suffixes;
  if (!found.ok()) return found.status();
  for (const RunDirectory& run : found->runs) {
    const absl::StatusOr<RunManifest> manifest = runs_.Manifest(run);
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

absl::Status ExperimentRules::CheckIsOfPlan(const Step& step, const RunDirectory& run,
                                            const RunManifest& manifest) {
  const Prompt& prompt = plan_.prompt();
  const schema::ExperimentSpec& experiment = manifest.experiment();
  absl::Status status;
  if (prompt.document_tokens() != 0) {
    status.Update(CheckField(run, "document_tokens", experiment.prompt().document_tokens(),
                             prompt.document_tokens()));
  }
  if (prompt.decode_steps() != 0) {
    status.Update(CheckField(run, "decode_steps", manifest.decode_steps(), prompt.decode_steps()));
  }
  status.Update(
      CheckField(run, "device", experiment.reference_config().device(), plan_.machine().device()));
  if (!prompt.document().empty()) {
    const absl::StatusOr<std::string> sha256 = digests_.Of(prompt.document());
    status.Update(sha256.ok() ? CheckField(run, "document_sha256",
                                           manifest.prompt().document_sha256(), *sha256)
                              : sha256.status());
  }
  status.Update(CheckField(run, "experiment", experiment.id(), step.experiment));
  return status;
}

absl::StatusOr<StepState> ExperimentRules::StateOfRun(const Step& step, const std::string& hardware,
                                                      const std::string& suffix) {
  const RunDirectory run(workspace_.Results(), hardware,
                         absl::StrCat(schema::ShortHardware(hardware), "_", suffix));
  if (!run.IsFinished()) return StepState::kLeft;
  const absl::StatusOr<RunManifest> manifest = runs_.Manifest(run);
  if (!manifest.ok()) return manifest.status();
  absl::Status status = CheckIsOfPlan(step, run, *manifest);
  if (status.ok()) status = CheckModel(step, run, *manifest);
  if (status.ok()) status = runs_.Check(run);
  if (!status.ok()) return status;
  return manifest->reproducible() ? StepState::kDone : StepState::kNotReproducible;
}

absl::StatusOr<StepState> ExperimentRules::StateOf(const Step& step, Thoroughness) {
  const absl::StatusOr<std::string> hardware = Hardware();
  if (absl::IsNotFound(hardware.status())) return StepState::kLeft;
  if (!hardware.ok()) return hardware.status();
  absl::Status status = CheckStamp(step, FolderOf(workspace_.Results(), *hardware));
  if (!status.ok()) return status;
  const auto suffixes = Suffixes(step, *hardware);
  if (!suffixes.ok()) return suffixes.status();
  StepState all = suffixes->empty() ? StepState::kLeft : StepState::kDone;
  for (const std::string& suffix : *suffixes) {
    const absl::StatusOr<StepState> state = StateOfRun(step, *hardware, suffix);
    if (!state.ok() || *state == StepState::kNotReproducible) return state;
    if (*state == StepState::kLeft) all = StepState::kLeft;
  }
  return all;
}

}  // namespace forensics::pods
