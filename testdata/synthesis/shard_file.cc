#include "testdata/synthesis/shard_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace forensics::synthesis {
namespace {

absl::Status Failed(absl::string_view path, absl::string_view what) {
  const int error = errno;
  const absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
  // A quota is a full disk too.
  return error == EDQUOT ? absl::ResourceExhaustedError(status.message()) : status;
}

}  // namespace

ShardFile::ShardFile(std::string path, std::string temporary, int descriptor)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

ShardFile::ShardFile(ShardFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

ShardFile::~ShardFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

absl::StatusOr<ShardFile> ShardFile::Create(const std::string& path, int64_t bytes) {
  std::string temporary = absl::StrCat(path, ".tmp.", getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return Failed(temporary, "cannot create");
  ShardFile file(path, std::move(temporary), descriptor);
  int result;
  do {
    result = fallocate(descriptor, 0, 0, bytes);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EOPNOTSUPP) {
    return Failed(path, absl::StrCat("no room for ", bytes, " bytes"));
  }
  return file;
}

absl::Status ShardFile::Write(absl::string_view bytes, int64_t offset) const {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed(path_, "cannot write");
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status ShardFile::Commit() {
  const int closed = close(std::exchange(descriptor_, -1));
  if (closed == 0 && rename(temporary_.c_str(), path_.c_str()) == 0) return absl::OkStatus();
  const absl::Status status = Failed(path_, closed != 0 ? "cannot close" : "cannot rename");
  unlink(temporary_.c_str());
  return status;
}

}  // namespace forensics::synthesis
