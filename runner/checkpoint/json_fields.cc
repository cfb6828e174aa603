#include "runner/checkpoint/json_fields.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/json_object.h"

namespace forensics::runner {

JsonFields::JsonFields(const rapidjson::Value& object, absl::string_view origin)
    : object_(&object), origin_(origin) {
  Fail(CheckUniqueNames(object, origin_));
}

const rapidjson::Value* JsonFields::Find(const char* name) const {
  const auto member = object_->FindMember(name);
  return member == object_->MemberEnd() || member->value.IsNull() ? nullptr : &member->value;
}

void JsonFields::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void JsonFields::Refuse(const char* name, absl::string_view expected) {
  const rapidjson::Value* value = Find(name);
  Refuse(name, expected, value == nullptr ? "nothing" : JsonExcerpt(*value));
}

void JsonFields::Refuse(const char* name, absl::string_view expected, absl::string_view found) {
  Fail(absl::InvalidArgumentError(
      absl::StrCat(origin_, ": ", name, ": expected ", expected, ", found ", found)));
}

void JsonFields::Absorb(const JsonFields& inner) { Fail(inner.status_); }

std::vector<std::string> JsonFields::Names() const {
  std::vector<std::string> names;
  for (const auto& member : object_->GetObject()) names.emplace_back(JsonString(member.name));
  return names;
}

std::optional<JsonFields> JsonFields::Object(const char* name) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->IsObject()) {
    Refuse(name, "an object");
    return std::nullopt;
  }
  return JsonFields(*value, absl::StrCat(origin_, ": ", name));
}

int64_t JsonFields::Int(const char* name, int64_t low, int64_t high,
                        std::optional<int64_t> fallback) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->IsInt64() || value->GetInt64() < low ||
      value->GetInt64() > high) {
    Refuse(name, absl::StrCat("an integer from ", low, " to ", high));
    return low;
  }
  return value->GetInt64();
}

double JsonFields::Double(const char* name, double low, double high,
                          std::optional<double> fallback) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->IsNumber() || !(value->GetDouble() >= low) ||
      !(value->GetDouble() <= high)) {
    Refuse(name, absl::StrCat("a number from ", low, " to ", high));
    return low;
  }
  return value->GetDouble();
}

bool JsonFields::Bool(const char* name, std::optional<bool> fallback) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr && fallback) return *fallback;
  if (value == nullptr || !value->IsBool()) {
    Refuse(name, "true or false");
    return false;
  }
  return value->GetBool();
}

std::string JsonFields::String(const char* name, std::optional<std::string> fallback) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr && fallback) return *std::move(fallback);
  if (value == nullptr || !value->IsString()) {
    Refuse(name, "a string");
    return "";
  }
  return std::string(JsonString(*value));
}

std::vector<std::string> JsonFields::Strings(const char* name) {
  std::vector<std::string> strings;
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return strings;
  bool valid = value->IsArray();
  if (valid) {
    for (const auto& item : value->GetArray()) {
      valid = valid && item.IsString();
      if (valid) strings.emplace_back(JsonString(item));
    }
  }
  if (!valid) Refuse(name, "an array of strings");
  return strings;
}

std::vector<int64_t> JsonFields::Ints(const char* name, int64_t low, int64_t high) {
  std::vector<int64_t> ints;
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return ints;
  bool valid = value->IsArray();
  if (valid) {
    for (const auto& item : value->GetArray()) {
      valid = valid && item.IsInt64() && item.GetInt64() >= low && item.GetInt64() <= high;
      if (valid) ints.push_back(item.GetInt64());
    }
  }
  if (!valid) Refuse(name, absl::StrCat("an array of integers from ", low, " to ", high));
  return ints;
}

}  // namespace forensics::runner
