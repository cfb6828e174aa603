#include "pods/damaged_runs.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;
using schema::RunDirectory;

// Damaged, cut off, missing, or too much; not what this program cannot read, nor what the system
// refuses.
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

absl::StatusOr<std::vector<DamagedRun>> SetDamagedRunsAside(const std::string& results,
                                                            const std::string& aside,
                                                            RunReader& runs) {
  std::vector<DamagedRun> damaged;
  const auto found = schema::FindRuns(results);
  if (absl::IsNotFound(found.status())) return damaged;
  if (!found.ok()) return found.status();
  for (const RunDirectory& run : found->runs) {
    const absl::Status status = runs.Check(run);
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
