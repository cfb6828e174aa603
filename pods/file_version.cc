#include "pods/file_version.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::pods {
namespace {

std::string Text(const timespec& time) { return absl::StrCat(time.tv_sec, ".", time.tv_nsec); }

}  // namespace

absl::StatusOr<std::string> FileVersion(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    const int error = errno;
    const std::string message = absl::StrCat(path, ": ", std::strerror(error));
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
    return absl::UnavailableError(message);
  }
  return absl::StrCat(status.st_size, " ", status.st_dev, " ", status.st_ino, " ",
                      Text(status.st_mtim), " ", Text(status.st_ctim));
}

}  // namespace forensics::pods
