#include "collector/fuse.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "schema/atomic_file.h"
#include "schema/run_directory.h"

namespace forensics::collector {
namespace {

void Append(const std::vector<std::string>& from, const std::string& prefix,
            std::vector<std::string>& to) {
  for (const std::string& text : from) to.push_back(prefix + text);
}

absl::Status NothingFound(const FuseOptions& options, const RunSet& set) {
  std::string message = absl::StrCat(set.left_out > 0 ? "no sound run in " : "no finished run in ",
                                     absl::StrJoin(options.runs.results, ", "));
  for (const std::string& problem : set.problems) absl::StrAppend(&message, "\n  ", problem);
  if (set.left_out > 0) return absl::NotFoundError(message);  // each problem names its way out
  return absl::NotFoundError(absl::StrCat(message, "\nFirst: bazel run //runner:exp0"));
}

// Names asked for, or all that are there.
std::vector<std::string> Names(const FuseOptions& options, const RunSet& set) {
  return options.runs.experiments.empty() ? ExperimentNames(set.runs) : options.runs.experiments;
}

void FuseOne(const std::string& name, const RunSet& set, const FuseOptions& options,
             const Progress& progress, FuseReport& report) {
  absl::StatusOr<ExperimentPlan> plan = PlanExperiment(name, set.runs);
  if (plan.status().code() == absl::StatusCode::kFailedPrecondition) {
    report.problems.push_back(absl::StrCat(name, " is refused: ", plan.status().message()));
    return;
  }
  if (!plan.ok()) {
    report.problems.push_back(absl::StrCat(name, ": ", plan.status().message(), "; found: ",
                                           absl::StrJoin(ExperimentNames(set.runs), ", ")));
    return;
  }
  Append(plan->notes, absl::StrCat(name, ": "), report.notes);
  Append(plan->gaps, absl::StrCat(name, ": "),
         options.allow_missing ? report.notes : report.problems);
  absl::StatusOr<WrittenFile> file =
      WriteExperiment(*plan, options.output, options.date_created, progress);
  if (file.ok()) {
    report.files.push_back(*std::move(file));
  } else {
    report.problems.push_back(absl::StrCat(name, " is not written: ", file.status().message()));
  }
}

// Files that an earlier fuse left and this one has not written again: they may be of other runs.
void NoteLeftFiles(const std::string& output, FuseReport& report) {
  std::vector<std::string> names = schema::ExperimentFiles();
  names.push_back(schema::kReferenceBaselineFile);
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(output, "/", name);
    const bool is_written =
        std::any_of(report.files.begin(), report.files.end(),
                    [&path](const WrittenFile& file) { return file.path == path; });
    std::error_code error;
    if (is_written || !std::filesystem::exists(path, error)) continue;
    report.notes.push_back(absl::StrCat(path, " is of an earlier fuse, and was left as it is"));
  }
}

}  // namespace

absl::StatusOr<FuseReport> Fuse(const FuseOptions& options, const Progress& progress) {
  const RunSet set = FindRunSet(options.runs);
  if (set.runs.empty()) return NothingFound(options, set);
  absl::Status status = schema::RemoveStaleTemporaries(options.output);
  if (!status.ok()) return status;

  FuseReport report;
  report.problems = set.problems;
  for (const std::string& name : Names(options, set)) {
    FuseOne(name, set, options, progress, report);
  }
  NoteLeftFiles(options.output, report);
  return report;
}

}  // namespace forensics::collector
