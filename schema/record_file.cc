#include "schema/record_file.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "schema/regular_file.h"

namespace forensics::schema {
namespace {

constexpr absl::string_view kMagic = "FPFSHARD";
constexpr size_t kHeaderBytes = 16;
// A position of a large model has less than 10 MB.
constexpr uint32_t kMaxPayload = 1u << 28;

uint32_t Crc(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

template <typename Integer>
std::string LittleEndian(Integer value) {
  std::string bytes(sizeof value, '\0');
  for (size_t i = 0; i < sizeof value; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string WithCrc(std::string bytes) {
  bytes += LittleEndian(Crc(bytes));
  return bytes;
}

// Reads a file front to back, a record at a time, naming path and offset in errors.
class Cursor {
 public:
  explicit Cursor(const std::string& path) : path_(path) {}

  absl::Status Open() {
    const absl::StatusOr<int> descriptor = OpenRegularFile(path_);
    if (!descriptor.ok()) return descriptor.status();
    file_.reset(fdopen(*descriptor, "rb"));
    if (file_ != nullptr) return absl::OkStatus();
    close(*descriptor);
    return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot be opened"));
  }

  // The next `count` bytes, which last until the next call. A length that is not true costs no
  // more memory than the file has bytes.
  absl::StatusOr<absl::string_view> Take(size_t count) {
    constexpr size_t kBlock = 1 << 20;
    bytes_.clear();
    while (bytes_.size() < count) {
      const size_t held = bytes_.size();
      const size_t wanted = std::min(count - held, kBlock);
      bytes_.resize(held + wanted);
      const size_t got = fread(bytes_.data() + held, 1, wanted, file_.get());
      bytes_.resize(held + got);
      if (ferror(file_.get())) {
        // No damage: the system may be able to read it later, as where storage is away.
        return absl::UnavailableError(
            absl::StrCat(path_, ": cannot be read: ", std::strerror(errno)));
      }
      if (got == wanted) continue;
      return absl::OutOfRangeError(absl::StrCat(path_, ": cut off: ", offset_ + bytes_.size(),
                                                " bytes, expected at least ", offset_ + count));
    }
    offset_ += count;
    return absl::string_view(bytes_);
  }

  // Takes the file's header, whose first bytes say what it is.
  absl::StatusOr<absl::string_view> TakeHeader() {
    absl::StatusOr<absl::string_view> all = Take(kHeaderBytes);
    // What a file shorter than that has is in bytes_.
    if (absl::string_view(bytes_).substr(0, kMagic.size()) !=
        kMagic.substr(0, std::min(kMagic.size(), bytes_.size()))) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": not a shard"));
    }
    return all.ok() ? Checked(0) : all;
  }

  // Takes `count` bytes and the checksum behind them.
  absl::StatusOr<absl::string_view> TakeChecked(size_t count) {
    const size_t start = offset_;
    absl::StatusOr<absl::string_view> all = Take(count + sizeof(uint32_t));
    return all.ok() ? Checked(start) : all;
  }

  template <typename Integer>
  static Integer Decode(absl::string_view bytes) {
    Integer value = 0;
    for (size_t i = 0; i < sizeof value; ++i) {
      value |= static_cast<Integer>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    }
    return value;
  }

  size_t offset() const { return offset_; }
  bool AtEnd() { return fgetc(file_.get()) == EOF; }

 private:
  // What was taken, which began at `start`, without the checksum at its end, which must be right.
  absl::StatusOr<absl::string_view> Checked(size_t start) const {
    const absl::string_view body(bytes_.data(), bytes_.size() - sizeof(uint32_t));
    if (LittleEndian(Crc(body)) == absl::string_view(bytes_).substr(body.size())) return body;
    return absl::DataLossError(absl::StrCat(path_, ": damaged: the checksum of bytes ", start,
                                            " to ", start + body.size(), " does not match"));
  }

  const std::string& path_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_{nullptr, &fclose};
  std::string bytes_;
  size_t offset_ = 0;
};

absl::Status CheckHeader(const std::string& path, Cursor& cursor) {
  absl::StatusOr<absl::string_view> header = cursor.TakeHeader();
  if (!header.ok()) return header.status();
  const uint32_t version = Cursor::Decode<uint32_t>(header->substr(kMagic.size()));
  if (version > kRecordFileVersion) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": written by a later version of this software: format ", version,
                     ", this one reads up to ", kRecordFileVersion));
  }
  return absl::OkStatus();
}

// The end mark, whose length field of zero was read already.
absl::Status CheckEnd(const std::string& path, Cursor& cursor, uint64_t expected) {
  absl::StatusOr<absl::string_view> count = cursor.TakeChecked(sizeof(uint64_t));
  if (!count.ok()) return count.status();
  if (Cursor::Decode<uint64_t>(*count) != expected) {
    return absl::DataLossError(absl::StrCat(path, ": damaged: ", expected, " records, expected ",
                                            Cursor::Decode<uint64_t>(*count)));
  }
  if (!cursor.AtEnd()) {
    return absl::DataLossError(
        absl::StrCat(path, ": damaged: bytes behind the end mark at ", cursor.offset()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordWriter> RecordWriter::Create(const std::string& path) {
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) return file.status();
  const std::string header = WithCrc(std::string(kMagic) + LittleEndian(kRecordFileVersion));
  if (absl::Status status = file->Append(header); !status.ok()) return status;
  return RecordWriter(*std::move(file));
}

absl::Status RecordWriter::Write(absl::string_view payload) {
  if (payload.empty() || payload.size() > kMaxPayload) {
    return absl::InvalidArgumentError(absl::StrCat(file_.path(), ": a record of ", payload.size(),
                                                   " bytes, expected 1 to ", kMaxPayload));
  }
  ++count_;
  absl::Status status = file_.Append(WithCrc(LittleEndian(static_cast<uint32_t>(payload.size()))));
  if (status.ok()) status = file_.Append(payload);
  if (status.ok()) status = file_.Append(LittleEndian(Crc(payload)));
  return status;
}

absl::Status RecordWriter::Close() {
  absl::Status status =
      file_.Append(WithCrc(LittleEndian(uint32_t{0})) + WithCrc(LittleEndian(count_)));
  return status.ok() ? file_.Commit() : status;
}

absl::Status ReadRecords(const std::string& path,
                         const std::function<absl::Status(absl::string_view payload)>& visit) {
  Cursor cursor(path);
  if (absl::Status status = cursor.Open(); !status.ok()) return status;
  if (absl::Status status = CheckHeader(path, cursor); !status.ok()) return status;
  for (uint64_t count = 0;; ++count) {
    absl::StatusOr<absl::string_view> length = cursor.TakeChecked(sizeof(uint32_t));
    if (!length.ok()) return length.status();
    const uint32_t payload_bytes = Cursor::Decode<uint32_t>(*length);
    if (payload_bytes == 0) return CheckEnd(path, cursor, count);
    if (payload_bytes > kMaxPayload) {
      return absl::DataLossError(absl::StrCat(path, ": damaged: a record of ", payload_bytes,
                                              " bytes at ", cursor.offset(), ", expected at most ",
                                              kMaxPayload));
    }
    absl::StatusOr<absl::string_view> payload = cursor.TakeChecked(payload_bytes);
    if (!payload.ok()) return payload.status();
    if (absl::Status status = visit(*payload); !status.ok()) return status;
  }
}

}  // namespace forensics::schema
