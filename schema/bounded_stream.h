// A stream for RapidJSON's reader, which keeps a string or a number whole in memory: one that is
// longer than any honest file's ends the text.
#ifndef SCHEMA_BOUNDED_STREAM_H_
#define SCHEMA_BOUNDED_STREAM_H_

#include <cstddef>

namespace forensics::schema {

// Bytes of a string, a number or the white space between two values.
inline constexpr size_t kLongestToken = size_t{16} << 20;
inline constexpr char kTokenTooLong[] =
    "a string, number or white space of more than 16777216 bytes";

inline constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";
// How a file begins that was given compressed, by mistake.
inline constexpr char kGzipMagic[] = "\x1f\x8b";
inline constexpr char kIsGzip[] = "is compressed by gzip; decompress it first (gunzip)";

template <typename Stream>
class BoundedStream {
 public:
  using Ch = char;  // RapidJSON's name

  explicit BoundedStream(Stream& stream) : stream_(stream) {}

  // A handler calls this at each event.
  void Renew() { left_ = kLongestToken; }
  // Whether the text was ended here.
  bool exhausted() const { return left_ == 0; }

  char Peek() const { return left_ == 0 ? '\0' : stream_.Peek(); }
  char Take() {
    if (left_ == 0) return '\0';
    --left_;
    return stream_.Take();
  }
  size_t Tell() const { return stream_.Tell(); }

  // RapidJSON's stream concept asks for these; no reader calls them without in-situ parsing.
  char* PutBegin() { return nullptr; }
  void Put(char) {}
  size_t PutEnd(char*) { return 0; }

 private:
  Stream& stream_;
  size_t left_ = kLongestToken;
};

}  // namespace forensics::schema

#endif  // SCHEMA_BOUNDED_STREAM_H_
