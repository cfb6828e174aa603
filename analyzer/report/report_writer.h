// JSON text of reports: numbers in shortest round-trip form, unknown ones null.
#ifndef ANALYZER_REPORT_REPORT_WRITER_H_
#define ANALYZER_REPORT_REPORT_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
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

  // A member whose value a writer for this depth has written; it is copied when the text is asked
  // for, and must live until then.
  void Raw(const std::string& key, const std::string& value);

  // The value that was written, and the same with a line's end.
  std::string Value() const { return Assembled(""); }
  std::string Text() const { return Assembled("\n"); }

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
  std::string Assembled(const char* end) const;

  rapidjson::StringBuffer buffer_;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer_;
  size_t begin_ = 0;  // of the value
  // Values by Raw, and behind how much of the buffer each stands.
  std::vector<std::pair<size_t, const std::string*>> raw_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_REPORT_WRITER_H_
