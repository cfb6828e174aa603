#include "schema/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::schema {

absl::StatusOr<DirectoryLock> DirectoryLock::Acquire(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return absl::InternalError(absl::StrCat(directory, ": mkdir: ", error.message()));
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::InternalError(absl::StrCat(directory, ": ", std::strerror(errno)));
  DirectoryLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) {
    return absl::InternalError(absl::StrCat(directory, ": lock: ", std::strerror(errno)));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(directory, ": another process is at work in this directory"));
}

absl::Status DirectoryLock::ShareWithChildren() const {
  if (fcntl(fd_, F_SETFD, 0) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("lock: ", std::strerror(errno)));
}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace forensics::schema
