#include "runner/checkpoint/json_object.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rapidjson/error/en.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

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

}  // namespace

absl::StatusOr<rapidjson::Document> ParseJsonObject(absl::string_view text,
                                                    absl::string_view origin) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                 rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  if (document.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat(origin, ": not valid JSON at byte ", document.GetErrorOffset(), ": ",
                     rapidjson::GetParseError_En(document.GetParseError())));
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
