#include "pods/remove_model.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pods/model_digests.h"
#include "schema/list_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr char kCommitFile[] = ".commit";  // fetch_model's first file: "REPOSITORY REVISION COMMIT"
constexpr char kUnfinishedCommitFile[] = ".commit.tmp";

bool BeginsWith(const fs::path& path, const std::string& text) {
  std::string line;
  return std::getline(std::ifstream(path), line) && absl::StartsWith(line, text);
}

bool IsOf(const fs::path& directory, const Model& model) {
  return BeginsWith(directory / kCommitFile, model.repository() + " ") ||
         BeginsWith(directory / kModelDigests, absl::StrCat("# ", model.repository(), " "));
}

// As a fetch leaves a folder that was killed at its start.
bool IsBarelyBegun(const fs::path& directory) {
  const auto entries = schema::ListDirectory(directory.string());
  return entries.ok() &&
         std::all_of(entries->begin(), entries->end(), [](const fs::directory_entry& entry) {
           return entry.path().filename() == kUnfinishedCommitFile;
         });
}

absl::Status Remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(path.string(), ": remove: ", error.message()));
}

}  // namespace

absl::Status RemoveModel(const std::string& models, const std::string& directory,
                         const Model& model) {
  const fs::path path = fs::path(directory).lexically_normal();
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return absl::OkStatus();
  const bool is_below = path.has_filename() && path.filename() != ".." &&
                        path.parent_path() == fs::path(models).lexically_normal();
  if (!is_below || !fs::is_directory(fs::symlink_status(path, error)) ||
      !(IsOf(path, model) || IsBarelyBegun(path))) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, ": is not deleted: expected a folder of ", models, " that says in ",
                     kModelDigests, " or ", kCommitFile, " that it was fetched from ",
                     model.repository(), ", or an empty one"));
  }
  // The list first: without it, what is left of a folder counts as not fetched. What says whose it
  // is comes last, so that a kill in between leaves a folder that can be removed.
  if (absl::Status status = Remove(path / kModelDigests); !status.ok()) return status;
  const auto entries = schema::ListDirectory(path.string());
  if (!entries.ok()) return entries.status();
  for (const fs::directory_entry& entry : *entries) {
    if (entry.path().filename() == kCommitFile) continue;
    if (absl::Status status = Remove(entry.path()); !status.ok()) return status;
  }
  return Remove(path);
}

}  // namespace forensics::pods
