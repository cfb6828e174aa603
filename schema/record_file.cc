#include "schema/record_file.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace forensics::schema {
namespace {

constexpr absl::string_view kMagic = "FPFSHARD";
constexpr size_t kHeaderBytes = 16;
constexpr uint32_t kMaxPayload = 1u << 30;

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

// Reads a file's bytes front to back, naming path and offset in errors.
class Cursor {
 public:
  Cursor(const std::string& path, absl::string_view bytes) : path_(path), bytes_(bytes) {}

  absl::StatusOr<absl::string_view> Take(size_t count) {
    if (bytes_.size() - offset_ < count) {
      return absl::OutOfRangeError(absl::StrCat(path_, ": cut off: ", bytes_.size(),
                                                " bytes, expected at least ", offset_ + count));
    }
    offset_ += count;
    return bytes_.substr(offset_ - count, count);
  }

  // Takes `count` bytes and the checksum behind them.
  absl::StatusOr<absl::string_view> TakeChecked(size_t count) {
    const size_t start = offset_;
    absl::StatusOr<absl::string_view> body = Take(count);
    if (!body.ok()) return body;
    absl::StatusOr<absl::string_view> crc = Take(sizeof(uint32_t));
    if (!crc.ok()) return crc;
    if (LittleEndian(Crc(*body)) != *crc) {
      return absl::DataLossError(absl::StrCat(path_, ": damaged: the checksum of bytes ", start,
                                              " to ", start + count, " does not match"));
    }
    return body;
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
  bool AtEnd() const { return offset_ == bytes_.size(); }

 private:
  const std::string& path_;
  absl::string_view bytes_;
  size_t offset_ = 0;
};

absl::Status CheckHeader(const std::string& path, Cursor& cursor) {
  absl::StatusOr<absl::string_view> header = cursor.TakeChecked(kHeaderBytes - sizeof(uint32_t));
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
  absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  if (absl::string_view(*bytes).substr(0, kMagic.size()) !=
      kMagic.substr(0, std::min(kMagic.size(), bytes->size()))) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a shard"));
  }
  Cursor cursor(path, *bytes);
  if (absl::Status status = CheckHeader(path, cursor); !status.ok()) return status;
  for (uint64_t count = 0;; ++count) {
    absl::StatusOr<absl::string_view> length = cursor.TakeChecked(sizeof(uint32_t));
    if (!length.ok()) return length.status();
    const uint32_t payload_bytes = Cursor::Decode<uint32_t>(*length);
    if (payload_bytes == 0) return CheckEnd(path, cursor, count);
    absl::StatusOr<absl::string_view> payload = cursor.TakeChecked(payload_bytes);
    if (!payload.ok()) return payload.status();
    if (absl::Status status = visit(*payload); !status.ok()) return status;
  }
}

}  // namespace forensics::schema
