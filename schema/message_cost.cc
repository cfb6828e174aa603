#include "schema/message_cost.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>

namespace forensics::schema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

constexpr size_t kMessage = 192;  // with its place in a list
constexpr size_t kText = 64;
constexpr size_t kOfList = 16;   // for each byte: a number, in a list that grows by halves
constexpr size_t kNumber = 32;   // one that is not known is kept with its field's number
constexpr size_t kOfGroup = 32;  // for each byte: groups of groups that are not known
constexpr int kMostDepth = 100;  // the parser's own

class Walk {
 public:
  explicit Walk(absl::string_view wire)
      : in_(reinterpret_cast<const uint8_t*>(wire.data()), static_cast<int>(wire.size())) {}

  // False once something cannot be a message.
  bool Visit(const Descriptor& type, int depth) {
    while (const uint32_t tag = in_.ReadTag()) {
      const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      const bool is_sized =
          WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
      if (!(is_sized ? VisitSized(field, depth) : VisitOther(tag))) return false;
    }
    return true;
  }

  size_t bytes() const { return bytes_; }

 private:
  bool VisitSized(const FieldDescriptor* field, int depth) {
    int length = 0;
    if (!in_.ReadVarintSizeAsInt(&length)) return false;
    if (field == nullptr || field->message_type() == nullptr || depth >= kMostDepth) {
      const bool is_list = field != nullptr && field->is_packable();
      bytes_ += kText + static_cast<size_t>(length) * (is_list ? kOfList : 1);
      return in_.Skip(length);
    }
    bytes_ += kMessage;
    const auto outer = in_.PushLimit(length);
    const bool is_sound = Visit(*field->message_type(), depth + 1) && in_.BytesUntilLimit() == 0;
    in_.PopLimit(outer);
    return is_sound;
  }

  bool VisitOther(uint32_t tag) {
    const int start = in_.CurrentPosition();
    if (!WireFormatLite::SkipField(&in_, tag)) return false;
    bytes_ += kNumber;
    if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) {
      bytes_ += kOfGroup * static_cast<size_t>(in_.CurrentPosition() - start);
    }
    return true;
  }

  google::protobuf::io::CodedInputStream in_;
  size_t bytes_ = kMessage;
};

}  // namespace

size_t ParsedBytes(const Descriptor& type, absl::string_view wire) {
  Walk walk(wire);
  walk.Visit(type, 0);
  return walk.bytes();
}

}  // namespace forensics::schema
