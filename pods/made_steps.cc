#include "pods/made_steps.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "pods/folder_claim.h"
#include "pods/other_machines.h"
#include "schema/atomic_file.h"
#include "schema/list_directory.h"
#include "schema/regular_file.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;
using Paths = absl::StatusOr<std::vector<std::string>>;

// None where there is no such folder.
Paths FilesIn(const std::string& folder) {
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

Paths FinishedRunsBelow(const std::string& results) {
  const auto found = schema::FindRuns(results);
  if (!found.ok()) return found.status();
  std::vector<std::string> all;
  for (const schema::RunDirectory& run : found->runs) {
    const Paths files = FilesIn(run.path());
    if (!files.ok()) return files;
    for (const std::string& file : *files) {
      if (file == run.ManifestPath() || schema::IsShardName(file)) all.push_back(file);
    }
  }
  return all;
}

absl::StatusOr<std::string> SizeOf(const std::string& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return absl::UnavailableError(absl::StrCat(file, ": ", error.message()));
  return absl::StrCat(size, " bytes");
}

// An experiment file of the collector's, or the analyzer's summary.
bool HasWhatToolsLeave(const std::string& folder) {
  std::vector<std::string> names = schema::ExperimentFiles();
  names.insert(names.end(), {schema::kReferenceBaselineFile, schema::kSummaryFile});
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return Exists(folder + "/" + name); });
}

}  // namespace

absl::StatusOr<StepState> MadeRules::StateOf(const Step& step, Thoroughness) {
  if (Exists(workspace_.Missed(step.id)) && made_now_.count(step.id) == 0) return StepState::kLeft;
  const auto then = schema::ReadRegularFile(workspace_.Stamp(step.id));
  if (!then.ok()) return StepState::kLeft;
  const absl::StatusOr<std::string> now = Stamp(step);
  return now.ok() && *then == *now ? StepState::kDone : StepState::kLeft;
}

absl::Status MadeRules::Begin(const Step& step) {
  std::error_code ignored;
  fs::remove(workspace_.Missed(step.id), ignored);
  return EmptyClaimedFolder(step.output);
}

absl::Status MadeRules::End(const Step& step) {
  if (!HasWhatToolsLeave(step.output)) {
    return absl::NotFoundError(
        absl::StrCat(step.output, ": its process ended well, but left no file there"));
  }
  const absl::StatusOr<std::string> stamp = Stamp(step);
  if (!stamp.ok()) return stamp.status();
  made_now_.insert(step.id);
  return schema::WriteFileAtomically(workspace_.Stamp(step.id), *stamp);
}

std::vector<std::string> MadeRules::StillMissing(const Step& step) {
  if (!Exists(workspace_.Missed(step.id))) return {};
  return {step.id};
}

Paths MadeRules::InputFiles(const Step& step) const { return FinishedRunsBelow(step.input); }

absl::StatusOr<std::string> MadeRules::Stamp(const Step& step) {
  std::string lines;
  for (const Paths& files : {InputFiles(step), FilesIn(step.output)}) {
    if (!files.ok()) return files.status();
    for (const std::string& file : *files) {
      // A shard's digest stands in its manifest.
      const absl::StatusOr<std::string> content =
          schema::IsShardName(file) ? SizeOf(file) : digests_.Of(file);
      if (!content.ok()) return content;
      absl::StrAppend(&lines, *content, "  ", file, "\n");
    }
  }
  return lines;
}

absl::Status FuseRules::Begin(const Step& step) {
  const Paths files = InputFiles(step);
  if (absl::IsNotFound(files.status()) || (files.ok() && files->empty())) {
    return absl::FailedPreconditionError(absl::StrCat("not run: no finished run in ", step.input));
  }
  return MadeRules::Begin(step);
}

std::vector<std::string> FuseRules::CommandOf(const Step& step) {
  std::vector<std::string> command = step.command;
  const std::vector<std::string> others = OthersWithRuns(plan_);
  command.insert(command.end(), others.begin(), others.end());
  return command;
}

Paths FuseRules::InputFiles(const Step& step) const {
  Paths all = MadeRules::InputFiles(step);
  for (const std::string& other : OthersWithRuns(plan_)) {
    const Paths files = FinishedRunsBelow(other);
    if (!all.ok() || !files.ok()) return all.ok() ? files : all;
    all->insert(all->end(), files->begin(), files->end());
  }
  return all;
}

absl::StatusOr<StepState> CompareRules::StateOf(const Step& step, Thoroughness thoroughness) {
  // Alone, a machine has nothing to be compared with.
  if (OthersWithRuns(plan_).empty()) return StepState::kWaiting;
  return MadeRules::StateOf(step, thoroughness);
}

std::vector<std::string> CompareRules::StillMissing(const Step& step) {
  std::vector<std::string> missing = MadeRules::StillMissing(step);
  const std::string waiting = WaitingText(plan_);
  if (!waiting.empty()) missing.push_back(waiting);
  return missing;
}

Paths CompareRules::InputFiles(const Step& step) const { return FilesIn(step.input); }

absl::Status NoteMissed(const Workspace& workspace, const Step& step, const std::string& missed) {
  return schema::WriteFileAtomically(workspace.Missed(step.id), missed);
}

}  // namespace forensics::pods
