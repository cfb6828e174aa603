#include "schema/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "schema/file_identity.h"

namespace forensics::schema {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr absl::string_view kTemporaryMark = ".tmp.";

absl::Status ErrnoError(absl::string_view what, absl::string_view path) {
  const int error = errno;
  const std::string message = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EACCES || error == EROFS) return absl::PermissionDeniedError(message);
  return absl::InternalError(message);
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// The rename itself must survive a power cut.
absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoError("open", folder);
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  errno = error;
  // Some network file systems cannot sync a folder; EINVAL is their answer.
  return result == 0 || error == EINVAL ? absl::OkStatus() : ErrnoError("fsync", folder);
}

// The process that wrote temporary file `name`, or 0 if it is not one.
int WriterOf(absl::string_view name) {
  const size_t mark = name.rfind(kTemporaryMark);
  int pid = 0;
  if (mark == absl::string_view::npos) return 0;
  return absl::SimpleAtoi(name.substr(mark + kTemporaryMark.size()), &pid) ? pid : 0;
}

// A descriptor for what is written to as it stands: what `path`, no link, leads to is no regular
// file. kNotDirect if it is one, or nothing is there.
constexpr int kNotDirect = -1;
absl::StatusOr<int> OpenDirectly(const std::string& path) {
  int fd = OwnDescriptor(path);
  if (fd >= 0) {
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);  // opened anew, a file would be written from its beginning
    return fd >= 0 ? absl::StatusOr<int>(fd) : ErrnoError("dup", path);
  }
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode)) return kNotDirect;
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, S_ISDIR(status.st_mode) ? ": is a directory, expected a file" : ": is no file"));
  }
  // O_NONBLOCK: a pipe that nobody reads is an error, not waited for.
  fd = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0 && errno == ENXIO && S_ISFIFO(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": a pipe that nobody reads"));
  }
  if (fd < 0) return ErrnoError("open", path);
  fcntl(fd, F_SETFL, O_WRONLY);
  return fd;
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(other.fd_),
      buffer_(std::move(other.buffer_)) {
  other.fd_ = -1;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& asked) {
  absl::StatusOr<std::string> target = FollowLinks(asked);
  if (!target.ok()) return target.status();
  const std::string& path = *target;
  const absl::StatusOr<int> direct = OpenDirectly(path);
  if (!direct.ok()) return direct.status();
  if (*direct != kNotDirect) return AtomicFile(path, "", *direct);
  const std::string folder = FolderOf(path);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::InternalError(absl::StrCat(folder, ": mkdir: ", error.message()));
  std::string temporary = absl::StrCat(path, kTemporaryMark, getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoError("open", temporary);
  return AtomicFile(path, std::move(temporary), fd);
}

absl::Status AtomicFile::Flush() {
  absl::string_view left = buffer_;
  while (!left.empty()) {
    const ssize_t written = write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError("write", temporary_.empty() ? path_ : temporary_);
    left.remove_prefix(static_cast<size_t>(written));
  }
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status AtomicFile::Append(absl::string_view bytes) {
  absl::StrAppend(&buffer_, bytes);
  return buffer_.size() < kBufferBytes ? absl::OkStatus() : Flush();
}

absl::Status AtomicFile::Sync() {
  if (absl::Status status = Flush(); !status.ok()) return status;
  if (temporary_.empty() || fsync(fd_) == 0) return absl::OkStatus();
  return ErrnoError("fsync", temporary_);
}

absl::Status AtomicFile::Commit() {
  if (absl::Status status = Sync(); !status.ok()) return status;
  if (temporary_.empty()) return absl::OkStatus();
  const int closed = close(fd_);
  fd_ = -1;
  if (closed != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) {
    absl::Status status = ErrnoError(closed != 0 ? "close" : "rename", path_);
    unlink(temporary_.c_str());
    return status;
  }
  return SyncFolder(FolderOf(path_));
}

absl::Status AtomicFileSet::Write(const std::string& path, absl::string_view bytes) {
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(bytes); !status.ok()) return status;
  if (absl::Status status = file->Sync(); !status.ok()) return status;
  files_.push_back(*std::move(file));
  return absl::OkStatus();
}

absl::Status AtomicFileSet::Commit() {
  for (AtomicFile& file : files_) {
    if (absl::Status status = file.Commit(); !status.ok()) return status;
  }
  files_.clear();
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes) {
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(bytes); !status.ok()) return status;
  return file->Commit();
}

absl::Status RemoveStaleTemporaries(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const int writer = WriterOf(entry.path().filename().string());
    if (writer == 0) continue;
    const bool alive = writer != getpid() && (kill(writer, 0) == 0 || errno == EPERM);
    if (!alive && unlink(entry.path().c_str()) != 0) {
      return ErrnoError("unlink", entry.path().string());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return absl::InternalError(absl::StrCat(directory, ": ", error.message()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most_bytes) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory, expected a file"));
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError("open", path);
  std::string bytes;
  while (file && bytes.size() <= most_bytes) {
    const size_t held = bytes.size();
    bytes.resize(held + std::max(held / 2, kBufferBytes));
    file.read(bytes.data() + held, static_cast<std::streamsize>(bytes.size() - held));
    bytes.resize(held + static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, ": cannot be read"));
  if (bytes.size() > most_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": more than ", most_bytes, " bytes, the most that is read"));
  }
  return bytes;
}

}  // namespace forensics::schema
