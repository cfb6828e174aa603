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
  // `depth`: the value that is written stands within so many objects of another writer, which takes
  // its text by Raw.
  explicit ReportWriter(int depth = 0);

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

  // A member whose value a writer for this depth has written.
  void Raw(const std::string& key, const std::string& value);

  // The value that was written, and the same with a line's end.
  std::string Value() const { return {buffer_.GetString() + begin_, buffer_.GetSize() - begin_}; }
  std::string Text() const {
    std::string text;
    text.reserve(buffer_.GetSize() + 1);
    return text.append(buffer_.GetString() + begin_, buffer_.GetSize() - begin_).append("\n");
  }

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
  size_t begin_ = 0;  // of the value
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_REPORT_WRITER_H_
