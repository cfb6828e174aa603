// JSON text of reports: numbers in shortest round-trip form, unknown ones null.
#ifndef ANALYZER_REPORT_REPORT_WRITER_H_
#define ANALYZER_REPORT_REPORT_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/reading/json_cursor.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace forensics::analyzer {

class ReportWriter {
 public:
  ReportWriter() : writer_(buffer_) {
    writer_.SetIndent(' ', 2);
    writer_.SetFormatOptions(rapidjson::kFormatSingleLineArray);
  }

  void StartObject() { writer_.StartObject(); }
  void StartObject(const std::string& key) {
    Key(key);
    writer_.StartObject();
  }
  void EndObject() { writer_.EndObject(); }
  void StartArray() { writer_.StartArray(); }
  void StartArray(const std::string& key) {
    Key(key);
    writer_.StartArray();
  }
  void EndArray() { writer_.EndArray(); }

  // One member of an object each. Infinities and NaN are written as strings.
  void Field(const std::string& key, const std::string& value);
  void Field(const std::string& key, const char* value) { Field(key, std::string(value)); }
  void Field(const std::string& key, const std::optional<std::string>& value);
  void Field(const std::string& key, std::optional<double> value);
  void Field(const std::string& key, std::optional<int64_t> value);
  void Field(const std::string& key, std::optional<bool> value);
  void Field(const std::string& key, bool value) { Field(key, std::optional<bool>(value)); }
  void Field(const std::string& key, int64_t value) { Field(key, std::optional<int64_t>(value)); }
  void Field(const std::string& key, double value) { Field(key, std::optional<double>(value)); }
  void Field(const std::string& key, const JsonScalar& value);
  void Null(const std::string& key);
  void Field(const std::string& key, const std::vector<std::string>& values);
  void Field(const std::string& key, const std::vector<std::vector<std::string>>& lists);
  void Field(const std::string& key, const std::vector<int64_t>& values);
  void Field(const std::string& key, const std::vector<std::vector<int64_t>>& rows);
  void Field(const std::string& key, const std::vector<std::optional<int64_t>>& values);
  void Field(const std::string& key, const std::vector<double>& values);
  void Field(const std::string& key, const std::vector<std::optional<double>>& values);

  // The text, with a line's end.
  std::string Text() const { return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n"; }

 private:
  void Key(const std::string& key) {
    writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  }
  void Strings(const std::vector<std::string>& values);
  void Integers(const std::vector<int64_t>& values);
  void String(const std::string& text) {
    writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  }
  void Double(double value);

  rapidjson::StringBuffer buffer_;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_REPORT_WRITER_H_
