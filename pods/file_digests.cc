#include "pods/file_digests.h"

#include <algorithm>
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

// The last line of the cache: a digit that flips must not become another model.
std::string LastLine(absl::string_view lines) {
  return absl::StrCat("# sha256 of the lines above: ", schema::Sha256Hex(lines), "\n");
}

}  // namespace

FileDigests::FileDigests(const std::string& folder) : folder_(folder) {
  const absl::StatusOr<std::string> text = schema::ReadRegularFile(Cache(folder));
  if (!text.ok()) return;
  const absl::string_view all(*text);
  const absl::string_view lines = all.substr(0, std::min(all.rfind('#'), all.size()));
  if (all != absl::StrCat(lines, LastLine(lines))) return;
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
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
  text += LastLine(text);
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
