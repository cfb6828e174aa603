#include "collector/json_writer.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "absl/strings/str_cat.h"
#include "schema/float_text.h"

namespace forensics::collector {
namespace {

constexpr size_t kBufferBytes = 1 << 18;

using CheckingWriter =
    rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, rapidjson::UTF8<>,
                      rapidjson::CrtAllocator, rapidjson::kWriteValidateEncodingFlag>;

uint32_t Size(absl::string_view text) { return static_cast<uint32_t>(text.size()); }

}  // namespace

// Before a key, or a value without one: comma and line break.
void JsonWriter::BeginItem() {
  if (!levels_.empty() && levels_.back().count++ > 0) text_.push_back(',');
  if (break_) text_.push_back('\n');
  break_ = false;
}

void JsonWriter::BeginValue() {
  if (!after_key_) BeginItem();
  after_key_ = false;
}

void JsonWriter::EndValue(bool accepted) {
  if (!accepted && status_.ok()) {
    status_ = absl::InternalError(
        absl::StrCat(file_.path(), " breaks its schema: ", checker_.status().message()));
  }
  if (!status_.ok()) {
    text_.clear();
  } else if (text_.size() >= kBufferBytes) {
    status_ = file_.Append(text_);
    text_.clear();
  }
}

void JsonWriter::StartObject() {
  BeginValue();
  levels_.push_back({0, false});
  text_.push_back('{');
  EndValue(checker_.StartObject());
}

void JsonWriter::StartArray() {
  BeginValue();
  levels_.push_back({0, true});
  text_.push_back('[');
  EndValue(checker_.StartArray());
}

void JsonWriter::Close(char bracket, bool (schema::ExperimentChecker::*event)(uint32_t)) {
  const uint32_t count = levels_.back().count;
  levels_.pop_back();
  text_.push_back(bracket);
  EndValue((checker_.*event)(count));
}

void JsonWriter::EndObject() { Close('}', &schema::ExperimentChecker::EndObject); }

void JsonWriter::EndArray() { Close(']', &schema::ExperimentChecker::EndArray); }

void JsonWriter::Key(absl::string_view name) {
  BeginItem();
  AppendQuoted(name);
  text_.push_back(':');
  after_key_ = true;
  EndValue(checker_.Key(name.data(), Size(name), true));
}

void JsonWriter::Null() {
  BeginValue();
  text_.append("null");
  EndValue(checker_.Null());
}

void JsonWriter::Bool(bool value) {
  BeginValue();
  text_.append(value ? "true" : "false");
  EndValue(checker_.Bool(value));
}

void JsonWriter::Int(int64_t value) {
  BeginValue();
  absl::StrAppend(&text_, value);
  EndValue(checker_.Int64(value));
}

void JsonWriter::Double(double value) {
  BeginValue();
  schema::AppendDouble(value, text_);
  EndValue(checker_.Double(value));
}

void JsonWriter::String(absl::string_view value) {
  BeginValue();
  AppendQuoted(value);
  EndValue(checker_.String(value.data(), Size(value), true));
}

void JsonWriter::StringOrNull(absl::string_view value) {
  if (value.empty()) {
    Null();
  } else {
    String(value);
  }
}

void JsonWriter::Text(absl::string_view name, absl::string_view value) {
  Key(name);
  StringOrNull(value);
}

void JsonWriter::Number(absl::string_view name, int64_t value) {
  Key(name);
  Int(value);
}

void JsonWriter::Real(absl::string_view name, double value) {
  Key(name);
  Double(value);
}

void JsonWriter::Flag(absl::string_view name, bool value) {
  Key(name);
  Bool(value);
}

void JsonWriter::Vector(absl::string_view elements, size_t count) {
  BeginValue();
  text_.push_back('[');
  text_.append(elements.data(), elements.size());
  text_.push_back(']');
  EndValue(checker_.StartArray() && checker_.EndArray(static_cast<uint32_t>(count)));
}

void JsonWriter::AppendQuoted(absl::string_view value) {
  rapidjson::StringBuffer buffer;
  CheckingWriter writer(buffer);
  // A view without data has no address, which RapidJSON does not take.
  if (!writer.String(value.empty() ? "" : value.data(), Size(value)) && status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": at ", checker_.Path(), ": text that is not UTF-8"));
  }
  text_.append(buffer.GetString(), buffer.GetSize());
}

absl::Status JsonWriter::Finish() {
  if (status_.ok()) status_ = checker_.Finish();
  if (status_.ok()) status_ = file_.Append(text_);
  text_.clear();
  return status_;
}

}  // namespace forensics::collector
