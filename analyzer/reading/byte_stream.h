// A file as a buffered stream of bytes, in the shape that RapidJSON's readers take.
#ifndef ANALYZER_READING_BYTE_STREAM_H_
#define ANALYZER_READING_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace forensics::analyzer {

// Reads with read(2) into one buffer rather than mapping the file: a file cut short while it is
// read is then an error and not a signal, and memory stays the buffer's size whatever the file's.
class ByteStream {
 public:
  using Ch = char;  // RapidJSON's name

  // At least this many bytes can be read (not taken) after the current one, zeros beyond the end
  // of the file: a number's digits can be loaded in words without looking where the file ends.
  static constexpr size_t kReadAhead = 64;
  // And so many bytes before it, whatever they hold.
  static constexpr size_t kReadBehind = 16;

  // Fails if the file cannot be opened, is no regular file or is compressed. Skips a UTF-8 byte
  // order mark.
  static absl::StatusOr<std::unique_ptr<ByteStream>> Open(const std::string& path);

  // Another stream of the same open file, at `offset`.
  std::unique_ptr<ByteStream> At(size_t offset) const;

  // The size when it was opened.
  size_t file_size() const { return file_size_; }

  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // The current byte; '\0' at the end.
  char Peek() const { return *current_; }

  // The current byte, which the stream then leaves; at the end '\0', and nothing is left.
  char Take() {
    const char byte = *current_;
    if (current_ < end_ && ++current_ == end_) Fill(1);
    return byte;
  }

  // Offset of the current byte in the file.
  size_t Tell() const { return end_offset_ - static_cast<size_t>(end_ - current_); }

  bool AtEnd() const { return current_ == end_; }

  // The bytes that are in memory, [current, end): more may follow in the file.
  const char* current() const { return current_; }
  const char* end() const { return end_; }

  // Leaves all bytes before `position`, which lies in [current(), end()].
  void AdvanceTo(const char* position) {
    current_ = position;
    if (current_ == end_) Fill(1);
  }

  // Reads on until `count` (at most kMostFill) bytes are in memory or the file ends. Pointers got
  // from current() and end() are void after it if it had to read. So much is read at once that it
  // stays in a core's cache until it is taken.
  static constexpr size_t kMostFill = 1 << 18;
  static constexpr size_t kReadBytes = 1 << 17;
  void Fill(size_t count);

  // True once the end of the file is in memory.
  bool reached_end() const { return reached_end_; }

  // "the file changed while it was read: ..." if the file has another size than when it was
  // opened, or was written to since; else "".
  std::string Change() const;

  // Not OK if the file could not be read to its end.
  const absl::Status& status() const { return status_; }

  // RapidJSON's stream concept asks for these; no reader calls them without in-situ parsing.
  char* PutBegin() { return nullptr; }
  void Put(char) {}
  size_t PutEnd(char*) { return 0; }

 private:
  // An open file, closed with the last stream that reads it.
  struct File;

  ByteStream(std::string path, std::shared_ptr<const File> file, size_t file_size, size_t offset);

  std::string path_;
  std::shared_ptr<const File> file_;
  size_t file_size_;
  std::unique_ptr<char[]> buffer_;
  const char* current_;
  const char* end_;
  size_t end_offset_ = 0;
  bool reached_end_ = false;
  absl::Status status_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_BYTE_STREAM_H_
