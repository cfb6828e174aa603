#include "pods/file_digests.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

constexpr size_t kHexDigits = 64;

std::string Cache(const std::string& folder) { return Workspace(folder).Stamp("files"); }

}  // namespace

FileDigests::FileDigests(const std::string& folder) : folder_(folder) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(Cache(folder), error)) return;
  const absl::StatusOr<std::string> text = schema::ReadFile(Cache(folder));
  if (!text.ok()) return;
  for (const absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    if (line.size() < kHexDigits + 2) continue;
    digests_[std::string(line.substr(kHexDigits + 1))] = std::string(line.substr(0, kHexDigits));
  }
}

FileDigests::~FileDigests() {
  std::error_code error;
  const std::string marker = absl::StrCat(folder_, "/", kFolderMarker);
  if (!learned_ || !std::filesystem::exists(marker, error)) return;
  std::string text;
  for (const auto& [file, digest] : digests_) absl::StrAppend(&text, digest, " ", file, "\n");
  // Without it the files are read once more.
  schema::WriteFileAtomically(Cache(folder_), text).IgnoreError();
}

absl::StatusOr<std::string> FileDigests::Of(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const std::string file =
      absl::StrCat(status.st_size, " ", status.st_ino, " ", status.st_mtim.tv_sec, ".",
                   status.st_mtim.tv_nsec, " ", path);
  const auto known = digests_.find(file);
  if (known != digests_.end()) return known->second;
  absl::StatusOr<std::string> digest = schema::Sha256HexOfFile(path);
  if (!digest.ok()) return digest;
  learned_ = true;
  return digests_[file] = *digest;
}

}  // namespace forensics::pods
