#include "runner/checkpoint/json_object.h"

#include <cmath>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "rapidjson/encodedstream.h"
#include "rapidjson/error/en.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "schema/json_number.h"

namespace forensics::runner {
namespace {

constexpr size_t kExcerptLength = 80;

absl::string_view KindOf(const rapidjson::Value& value) {
  switch (value.GetType()) {
    case rapidjson::kNullType:
      return "null";
    case rapidjson::kFalseType:
    case rapidjson::kTrueType:
      return "a boolean";
    case rapidjson::kObjectType:
      return "an object";
    case rapidjson::kArrayType:
      return "an array";
    case rapidjson::kStringType:
      return "a string";
    default:
      return "a number";
  }
}

// A document of 16 bytes a value grows in steps of half its size: 0.4 GB at most.
constexpr int kMostValues = 8'000'000;
constexpr int kDeepest = 100;

// Passes events on to a document while they are within the limits.
class LimitedHandler {
 public:
  explicit LimitedHandler(rapidjson::Document& document) : document_(document) {}

  bool Null() { return Count() && document_.Null(); }
  bool Bool(bool value) { return Count() && document_.Bool(value); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const schema::JsonNumber number = schema::ReadJsonNumber({text, size});
    return Count() && std::visit([this](auto value) { return Number(value); }, number);
  }
  // Numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    return Count() && document_.String(text, size, copy);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) {
    return Count() && document_.Key(text, size, copy);
  }
  bool StartObject() { return Deeper() && document_.StartObject(); }
  bool EndObject(rapidjson::SizeType members) { return --depth_, document_.EndObject(members); }
  bool StartArray() { return Deeper() && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType elements) { return --depth_, document_.EndArray(elements); }

  // Which limit was passed.
  std::string Excess() const {
    if (is_too_large_) return "a number beyond the range of a double";
    return depth_ > kDeepest ? absl::StrCat("nested more than ", kDeepest, " deep")
                             : absl::StrCat("more than ", kMostValues, " values");
  }

 private:
  bool Count() { return ++values_ <= kMostValues; }
  bool Number(int64_t value) { return document_.Int64(value); }
  bool Number(uint64_t value) { return document_.Uint64(value); }
  bool Number(double value) {
    is_too_large_ = std::isinf(value);
    return !is_too_large_ && document_.Double(value);
  }
  bool Deeper() { return Count() && ++depth_ <= kDeepest; }

  rapidjson::Document& document_;
  int values_ = 0;
  int depth_ = 0;
  bool is_too_large_ = false;
};

}  // namespace

absl::Status ParseJson(absl::string_view text, rapidjson::Document& document) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  LimitedHandler handler(document);
  rapidjson::ParseResult result;
  const auto parse = [&](rapidjson::Document&) {
    rapidjson::MemoryStream bytes(text.data(), text.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
    result = rapidjson::Reader().Parse<kFlags>(stream, handler);
    return !result.IsError();
  };
  document.Populate(parse);
  if (!result.IsError()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("at byte ", result.Offset(), ": ",
                                                 result.Code() == rapidjson::kParseErrorTermination
                                                     ? handler.Excess()
                                                     : rapidjson::GetParseError_En(result.Code())));
}

absl::StatusOr<rapidjson::Document> ParseJsonObject(absl::string_view text,
                                                    absl::string_view origin) {
  rapidjson::Document document;
  if (absl::Status status = ParseJson(text, document); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": not valid JSON ", status.message()));
  }
  if (!document.IsObject()) {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": expected a JSON object, found ", KindOf(document)));
  }
  return document;
}

absl::Status CheckUniqueNames(const rapidjson::Value& object, absl::string_view origin) {
  std::set<absl::string_view> names;
  for (const auto& member : object.GetObject()) {
    if (!names.insert(JsonString(member.name)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(origin, ": the name \"", JsonString(member.name), "\" appears twice"));
    }
  }
  return absl::OkStatus();
}

std::string JsonExcerpt(const rapidjson::Value& value) {
  if (value.IsObject() || value.IsArray()) return std::string(KindOf(value));
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  std::string text(buffer.GetString(), buffer.GetSize());
  if (text.size() > kExcerptLength) text = absl::StrCat(text.substr(0, kExcerptLength), "...");
  return text;
}

}  // namespace forensics::runner
