#include "schema/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::schema {

absl::StatusOr<int> OpenRegularFile(const std::string& path) {
  // O_NONBLOCK: opening a pipe must fail the check below, not wait for a writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status = {};
  if (descriptor < 0) {
    // A socket cannot be opened.
    if (errno == ENXIO) return absl::InvalidArgumentError(path + ": is no regular file");
    return absl::ErrnoToStatus(errno, path + ": cannot be opened");
  }
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return descriptor;
  close(descriptor);
  return absl::InvalidArgumentError(absl::StrCat(path, S_ISDIR(status.st_mode)
                                                           ? ": is a directory, expected a file"
                                                           : ": is no regular file"));
}

}  // namespace forensics::schema
