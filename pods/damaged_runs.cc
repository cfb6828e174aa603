#include "pods/damaged_runs.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "schema/stored_repetition.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;
using schema::RunDirectory;
using schema::RunManifest;

absl::Status CheckRun(const RunDirectory& run) {
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  const absl::Status status = CheckShards(run, *manifest);
  // A shard whose first bytes were overwritten is not taken for one.
  return absl::IsInvalidArgument(status) ? absl::DataLossError(status.message()) : status;
}

// Damaged, cut off, missing, or too much; not what this program cannot read, nor what the system refuses.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status) || absl::IsNotFound(status) ||
         absl::IsFailedPrecondition(status);
}

// The first of PATH, PATH.2, PATH.3 ... that is free.
std::string FreePath(const std::string& path) {
  std::error_code error;
  std::string free = path;
  for (int number = 2; fs::exists(free, error); ++number) free = absl::StrCat(path, ".", number);
  return free;
}

}  // namespace

absl::Status CheckShards(const RunDirectory& run, const RunManifest& manifest) {
  for (const schema::RepetitionSummary& repetition : manifest.repetitions()) {
    if (!repetition.stored()) continue;
    const auto read = schema::ReadStoredRepetition(run, manifest, repetition.repetition());
    if (!read.ok()) return read.status();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DamagedRun>> SetDamagedRunsAside(const std::string& results,
                                                            const std::string& aside) {
  std::vector<DamagedRun> damaged;
  const auto found = schema::FindRuns(results);
  if (absl::IsNotFound(found.status())) return damaged;
  if (!found.ok()) return found.status();
  for (const RunDirectory& run : found->runs) {
    const absl::Status status = CheckRun(run);
    if (!IsDamage(status)) continue;
    const fs::path below = fs::path(run.path()).lexically_relative(results);
    const std::string target = FreePath((fs::path(aside) / below).string());
    std::error_code error;
    fs::create_directories(fs::path(target).parent_path(), error);
    if (!error) fs::rename(run.path(), target, error);
    if (error) {
      return absl::InternalError(absl::StrCat(run.path(), ": is damaged, and cannot be moved to ",
                                              target, ": ", error.message(), "; ",
                                              status.message()));
    }
    damaged.push_back({run.path(), std::string(status.message()), target});
  }
  return damaged;
}

}  // namespace forensics::pods
