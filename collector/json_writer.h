// Writes an experiment JSON as a stream: nothing of it is kept in memory, and every event is
// checked against the schema on its way.
#ifndef COLLECTOR_JSON_WRITER_H_
#define COLLECTOR_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "schema/atomic_file.h"
#include "schema/experiment_json.h"

namespace forensics::collector {

// After an error all further calls do nothing; status() and Finish() give the first error.
class JsonWriter {
 public:
  explicit JsonWriter(schema::AtomicFile& file) : file_(file) {}

  void StartObject();
  void EndObject();
  void StartArray();
  void EndArray();
  void Key(absl::string_view name);

  void Null();
  void Bool(bool value);
  void Int(int64_t value);
  void Double(double value);  // shortest text; NaN and infinities as strings
  void String(absl::string_view value);
  // null if empty.
  void StringOrNull(absl::string_view value);
  // An array of `count` elements whose text, with commas, is at hand.
  void Vector(absl::string_view elements, size_t count);

  // One member of an object each.
  void Text(absl::string_view name, absl::string_view value);  // null if empty
  void Number(absl::string_view name, int64_t value);
  void Real(absl::string_view name, double value);
  void Flag(absl::string_view name, bool value);

  // The next value or key starts a new line, so that a file of gigabytes has lines.
  void Break() { break_ = true; }

  const absl::Status& status() const { return status_; }
  // Writes what is buffered and checks that the document is whole; does not commit the file.
  absl::Status Finish();

 private:
  struct Level {
    uint32_t count = 0;
    bool is_array = false;
  };

  void BeginItem();
  void BeginValue();
  void EndValue(bool accepted);
  void Close(char bracket, bool (schema::ExperimentChecker::*event)(uint32_t));
  void AppendQuoted(absl::string_view value);

  schema::AtomicFile& file_;
  schema::ExperimentChecker checker_;
  std::vector<Level> levels_;
  std::string text_;
  absl::Status status_;
  bool after_key_ = false;
  bool break_ = false;
};

}  // namespace forensics::collector

#endif  // COLLECTOR_JSON_WRITER_H_
