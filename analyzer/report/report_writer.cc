#include "analyzer/report/report_writer.h"

#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "analyzer/reading/number_text.h"

namespace forensics::analyzer {

ReportWriter::ReportWriter(int depth) : writer_(buffer_) {
  writer_.SetIndent(' ', 2);
  writer_.SetFormatOptions(rapidjson::kFormatSingleLineArray);
  if (depth == 0) return;
  // The objects around the value; behind the last one's key comes a colon and a space.
  StartObject();
  for (int i = 1; i < depth; ++i) StartObject("");
  Key("");
  begin_ = buffer_.GetSize() + 2;
}

void ReportWriter::Double(double value) {
  const std::string text = NumberText(value);
  if (std::isfinite(value)) {
    writer_.RawValue(text.data(), text.size(), rapidjson::kNumberType);
  } else {
    String(text);
  }
}

void ReportWriter::Strings(const std::vector<std::string>& values) {
  writer_.StartArray();
  for (const std::string& value : values) String(value);
  writer_.EndArray();
}

void ReportWriter::Field(const std::string& key, const std::string& value) {
  Key(key);
  String(value);
}

void ReportWriter::Field(const std::string& key, const std::optional<std::string>& value) {
  if (!value.has_value()) return Null(key);
  Field(key, *value);
}

void ReportWriter::Raw(const std::string& key, const std::string& value) {
  Key(key);
  writer_.RawValue("", 0, rapidjson::kObjectType);
  raw_.emplace_back(buffer_.GetSize(), &value);
}

std::string ReportWriter::Assembled(const char* end) const {
  const absl::string_view written(buffer_.GetString(), buffer_.GetSize());
  size_t size = written.size() - begin_ + std::strlen(end);
  for (const auto& [place, value] : raw_) size += value->size();
  std::string text;
  text.reserve(size);
  size_t begin = begin_;
  for (const auto& [place, value] : raw_) {
    absl::StrAppend(&text, written.substr(begin, place - begin), *value);
    begin = place;
  }
  absl::StrAppend(&text, written.substr(begin), end);
  return text;
}

void ReportWriter::Null(const std::string& key) {
  Key(key);
  writer_.Null();
}

void ReportWriter::Field(const std::string& key, std::optional<double> value) {
  Key(key);
  if (value.has_value()) {
    Double(*value);
  } else {
    writer_.Null();
  }
}

void ReportWriter::Field(const std::string& key, std::optional<int64_t> value) {
  Key(key);
  if (value.has_value()) {
    writer_.Int64(*value);
  } else {
    writer_.Null();
  }
}

void ReportWriter::Field(const std::string& key, std::optional<bool> value) {
  Key(key);
  if (value.has_value()) {
    writer_.Bool(*value);
  } else {
    writer_.Null();
  }
}

void ReportWriter::Field(const std::string& key, const JsonScalar& value) {
  Key(key);
  if (const bool* truth = std::get_if<bool>(&value)) {
    writer_.Bool(*truth);
  } else if (const int64_t* whole = std::get_if<int64_t>(&value)) {
    writer_.Int64(*whole);
  } else if (const double* number = std::get_if<double>(&value)) {
    Double(*number);
  } else if (const std::string* text = std::get_if<std::string>(&value)) {
    String(*text);
  } else {
    writer_.Null();
  }
}

void ReportWriter::Field(const std::string& key, const std::vector<std::string>& values) {
  Key(key);
  Strings(values);
}

void ReportWriter::Field(const std::string& key,
                         const std::vector<std::vector<std::string>>& lists) {
  Key(key);
  writer_.StartArray();
  for (const std::vector<std::string>& list : lists) Strings(list);
  writer_.EndArray();
}

void ReportWriter::Integers(const std::vector<int64_t>& values) {
  writer_.StartArray();
  for (const int64_t value : values) writer_.Int64(value);
  writer_.EndArray();
}

void ReportWriter::Field(const std::string& key, const std::vector<int64_t>& values) {
  Key(key);
  Integers(values);
}

void ReportWriter::Field(const std::string& key, const std::vector<std::vector<int64_t>>& rows) {
  Key(key);
  writer_.StartArray();
  for (const std::vector<int64_t>& row : rows) Integers(row);
  writer_.EndArray();
}

void ReportWriter::Field(const std::string& key,
                         const std::vector<std::optional<int64_t>>& values) {
  Key(key);
  writer_.StartArray();
  for (const std::optional<int64_t>& value : values) {
    if (value.has_value()) {
      writer_.Int64(*value);
    } else {
      writer_.Null();
    }
  }
  writer_.EndArray();
}

void ReportWriter::Field(const std::string& key, const std::vector<double>& values) {
  Key(key);
  writer_.StartArray();
  for (const double value : values) Double(value);
  writer_.EndArray();
}

void ReportWriter::Field(const std::string& key, const std::vector<std::optional<double>>& values) {
  Key(key);
  writer_.StartArray();
  for (const std::optional<double>& value : values) {
    if (value.has_value()) {
      Double(*value);
    } else {
      writer_.Null();
    }
  }
  writer_.EndArray();
}

}  // namespace forensics::analyzer
