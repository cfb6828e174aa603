#include "pods/folder_claim.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/list_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr char kMarkerText[] =
    "Written by forensics, which deletes what it no longer needs here.\n";
constexpr size_t kNamed = 5;  // entries in an error

// All but the marker, one that was being written, and what a new volume comes with.
absl::StatusOr<std::vector<std::string>> OtherEntries(const std::string& folder) {
  const auto entries = schema::ListDirectory(folder);
  if (!entries.ok()) return entries.status();
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : *entries) {
    const std::string name = entry.path().filename().string();
    if (!absl::StartsWith(name, kFolderMarker) && name != "lost+found") names.push_back(name);
  }
  return names;
}

absl::Status Foreign(const std::string& folder, std::vector<std::string> names) {
  const size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  return absl::FailedPreconditionError(absl::StrCat(
      folder, ": is not empty, and no plan has written there: it holds ",
      absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "", ", and no ",
      kFolderMarker, "; name an empty or a new folder with --folder=DIR"));
}

}  // namespace

absl::Status ClaimFolder(const std::string& folder) {
  const std::string marker = absl::StrCat(folder, "/", kFolderMarker);
  std::error_code error;
  if (fs::exists(marker, error)) return absl::OkStatus();
  const auto names = OtherEntries(folder);
  if (!names.ok()) return names.status();
  if (!names->empty()) return Foreign(folder, *names);
  return schema::WriteFileAtomically(marker, kMarkerText);
}

absl::Status EmptyClaimedFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return absl::InternalError(absl::StrCat(folder, ": mkdir: ", error.message()));
  if (absl::Status status = ClaimFolder(folder); !status.ok()) return status;
  // The marker stays, so that a kill in between leaves no folder that is taken for another's.
  const auto names = OtherEntries(folder);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    fs::remove_all(folder + "/" + name, error);
    if (error) {
      return absl::InternalError(absl::StrCat(folder, "/", name, ": remove: ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace forensics::pods
