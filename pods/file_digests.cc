#include "pods/file_digests.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "pods/file_version.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/regular_file.h"

namespace forensics::pods {
namespace {

constexpr size_t kHexDigits = 64;

std::string Cache(const std::string& folder) { return Workspace(folder).Stamp("files"); }

}  // namespace

FileDigests::FileDigests(const std::string& folder) : folder_(folder) {
  const absl::StatusOr<std::string> text = schema::ReadRegularFile(Cache(folder));
  if (!text.ok()) return;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    if (line.size() < kHexDigits + 2) continue;
    digests_[std::string(line.substr(kHexDigits + 1))] = std::string(line.substr(0, kHexDigits));
  }
}

void FileDigests::Keep() const {
  std::error_code error;
  const std::string marker = absl::StrCat(folder_, "/", kFolderMarker);
  if (folder_.empty() || !std::filesystem::exists(marker, error)) return;
  std::string text;
  for (const auto& [file, digest] : digests_) absl::StrAppend(&text, digest, " ", file, "\n");
  // Without it the files are read once more.
  schema::WriteFileAtomically(Cache(folder_), text).IgnoreError();
}

absl::StatusOr<std::string> FileDigests::Of(const std::string& path) {
  const absl::StatusOr<std::string> version = FileVersion(path);
  if (!version.ok()) return version;
  const std::string file = absl::StrCat(*version, " ", path);
  const auto known = digests_.find(file);
  if (known != digests_.end()) return known->second;
  absl::StatusOr<std::string> digest = schema::Sha256HexOfFile(path);
  if (!digest.ok()) return digest;
  digests_[file] = *digest;
  Keep();
  return digest;
}

}  // namespace forensics::pods
