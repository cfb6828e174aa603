#include "analyzer/reading/byte_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<ByteStream>> ByteStream::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  }
  auto stream = absl::WrapUnique(new ByteStream(path, descriptor));
  struct stat information;
  if (fstat(descriptor, &information) == 0 && S_ISDIR(information.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory, not a file"));
  }
  stream->Fill(kReadAhead);
  if (stream->end_ - stream->current_ >= 3 &&
      std::memcmp(stream->current_, "\xEF\xBB\xBF", 3) == 0) {
    stream->AdvanceTo(stream->current_ + 3);
  }
  return stream;
}

ByteStream::ByteStream(std::string path, int descriptor)
    : path_(std::move(path)),
      descriptor_(descriptor),
      buffer_(new char[kReadBehind + kBufferBytes + kReadAhead]),
      current_(buffer_.get() + kReadBehind),
      end_(current_) {
  std::memset(buffer_.get(), 0, kReadBehind + kReadAhead);
}

ByteStream::~ByteStream() { close(descriptor_); }

void ByteStream::Fill(size_t count) {
  size_t held = static_cast<size_t>(end_ - current_);
  if (held >= count || reached_end_) return;
  char* const begin = buffer_.get() + kReadBehind;
  std::memmove(begin, current_, held);
  while (held < count) {
    const ssize_t got = read(descriptor_, begin + held, kBufferBytes - held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status_ = absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot be read"));
    if (got <= 0) {
      reached_end_ = true;
      break;
    }
    held += static_cast<size_t>(got);
    end_offset_ += static_cast<size_t>(got);
  }
  current_ = begin;
  end_ = begin + held;
  std::memset(begin + held, 0, kReadAhead);
}

}  // namespace forensics::analyzer
