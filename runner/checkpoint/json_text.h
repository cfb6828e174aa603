// Writes a JSON object field by field.
#ifndef RUNNER_CHECKPOINT_JSON_TEXT_H_
#define RUNNER_CHECKPOINT_JSON_TEXT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace forensics::runner {

class JsonText {
 public:
  JsonText() { writer_.StartObject(); }

  void Int(const std::string& name, int64_t value) {
    Key(name);
    writer_.Int64(value);
  }
  void Number(const std::string& name, double value) {
    Key(name);
    writer_.Double(value);
  }
  void Bool(const std::string& name, bool value) {
    Key(name);
    writer_.Bool(value);
  }
  void String(const std::string& name, const std::string& value) {
    Key(name);
    writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void Ints(const std::string& name, const std::vector<int64_t>& values) {
    Key(name);
    writer_.StartArray();
    for (int64_t value : values) writer_.Int64(value);
    writer_.EndArray();
  }
  void Strings(const std::string& name, const std::vector<std::string>& values) {
    Key(name);
    writer_.StartArray();
    for (const std::string& value : values) writer_.String(value.c_str());
    writer_.EndArray();
  }
  // What `fill` writes goes into an object of that name.
  template <typename Fill>
  void Object(const std::string& name, const Fill& fill) {
    Key(name);
    writer_.StartObject();
    fill();
    writer_.EndObject();
  }

  // The whole text; nothing can be added after it.
  std::string Finish() {
    writer_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  void Key(const std::string& name) {
    writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
  }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_JSON_TEXT_H_
