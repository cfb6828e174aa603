// One writer a directory at a time.
#ifndef SCHEMA_DIRECTORY_LOCK_H_
#define SCHEMA_DIRECTORY_LOCK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace forensics::schema {

// Holds an advisory lock on the directory itself; the kernel gives it back when the process ends,
// however it ends, and nothing is left on disk.
class DirectoryLock {
 public:
  // Makes the directory if need be. FailedPrecondition if another process holds it.
  static absl::StatusOr<DirectoryLock> Acquire(const std::string& directory);
  DirectoryLock(DirectoryLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

  // Programs that this process starts from now on hold it too, until the last of them has ended.
  absl::Status ShareWithChildren() const;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace forensics::schema

#endif  // SCHEMA_DIRECTORY_LOCK_H_
