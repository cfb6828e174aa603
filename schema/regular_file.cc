#include "schema/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::schema {

namespace {

constexpr size_t kBlockBytes = 1 << 16;
constexpr mode_t kNewFile = 0666;  // less the user's umask

// O_NONBLOCK: opening a pipe must fail the check below, not wait for its other end.
absl::StatusOr<int> Open(const std::string& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, kNewFile);
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

}  // namespace

absl::StatusOr<int> OpenRegularFile(const std::string& path) { return Open(path, O_RDONLY); }

absl::StatusOr<int> OpenRegularFileToAppend(const std::string& path) {
  std::error_code ignored;  // without the folder the file cannot be opened
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  return Open(path, O_RDWR | O_APPEND | O_CREAT);
}

absl::StatusOr<std::string> ReadRegularFile(const std::string& path) {
  const absl::StatusOr<int> descriptor = OpenRegularFile(path);
  if (!descriptor.ok()) return descriptor.status();
  std::string bytes;
  std::vector<char> block(kBlockBytes);
  ssize_t count = 0;
  while ((count = read(*descriptor, block.data(), block.size())) > 0) {
    bytes.append(block.data(), static_cast<size_t>(count));
  }
  const int error = errno;
  close(*descriptor);
  if (count < 0) return absl::ErrnoToStatus(error, path + ": cannot be read");
  return bytes;
}

}  // namespace forensics::schema
