#include "analyzer/reading/byte_stream.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "schema/bounded_stream.h"
#include "schema/regular_file.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kBufferBytes = ByteStream::kMostFill + ByteStream::kReadBytes;

}  // namespace

struct ByteStream::File {
  explicit File(int number) : descriptor(number) { is_known = fstat(number, &opened) == 0; }
  ~File() { close(descriptor); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const int descriptor;
  struct stat opened = {};  // what it was then
  bool is_known = false;
};

absl::StatusOr<std::unique_ptr<ByteStream>> ByteStream::Open(const std::string& path) {
  const absl::StatusOr<int> descriptor = schema::OpenRegularFile(path);
  if (!descriptor.ok()) return descriptor.status();
  auto file = std::make_shared<const File>(*descriptor);
  const size_t size = file->is_known ? static_cast<size_t>(file->opened.st_size) : 0;
  auto stream = absl::WrapUnique(new ByteStream(path, std::move(file), size, 0));
  stream->Fill(kReadAhead);
  if (stream->end_ - stream->current_ >= 2 &&
      absl::string_view(stream->current_, 2) == schema::kGzipMagic) {
    return absl::DataLossError(absl::StrCat(path, ": byte 0: ", schema::kIsGzip));
  }
  if (stream->end_ - stream->current_ >= 3 &&
      std::memcmp(stream->current_, "\xEF\xBB\xBF", 3) == 0) {
    stream->AdvanceTo(stream->current_ + 3);
  }
  return stream;
}

std::unique_ptr<ByteStream> ByteStream::At(size_t offset) const {
  auto stream = absl::WrapUnique(new ByteStream(path_, file_, file_size_, offset));
  stream->Fill(kReadAhead);
  return stream;
}

ByteStream::ByteStream(std::string path, std::shared_ptr<const File> file, size_t file_size,
                       size_t offset)
    : path_(std::move(path)),
      file_(std::move(file)),
      file_size_(file_size),
      buffer_(new char[kReadBehind + kBufferBytes + kReadAhead]),
      current_(buffer_.get() + kReadBehind),
      end_(current_),
      end_offset_(offset) {
  std::memset(buffer_.get(), 0, kReadBehind + kReadAhead);
}

ByteStream::~ByteStream() = default;

std::string ByteStream::Change() const {
  const struct stat& opened = file_->opened;
  struct stat now = {};
  if (!file_->is_known || fstat(file_->descriptor, &now) != 0) return "";
  const bool is_same = now.st_size == opened.st_size &&
                       now.st_mtim.tv_sec == opened.st_mtim.tv_sec &&
                       now.st_mtim.tv_nsec == opened.st_mtim.tv_nsec;
  if (is_same) return "";
  return absl::StrCat("the file changed while it was read: it had ", opened.st_size,
                      " bytes when it was opened, now it has ", now.st_size);
}

void ByteStream::Fill(size_t count) {
  size_t held = static_cast<size_t>(end_ - current_);
  if (held >= count || reached_end_) return;
  char* const begin = buffer_.get() + kReadBehind;
  std::memmove(begin, current_, held);
  while (held < count) {
    const ssize_t got = file_size_ > 0 ? pread(file_->descriptor, begin + held, kReadBytes,
                                               static_cast<off_t>(end_offset_))
                                       : read(file_->descriptor, begin + held, kReadBytes);
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
