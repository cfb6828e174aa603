// Typed reading of a JSON object's fields, with one error for the first thing that is wrong.
#ifndef RUNNER_CHECKPOINT_JSON_FIELDS_H_
#define RUNNER_CHECKPOINT_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rapidjson/document.h"

namespace forensics::runner {

// A field that is null counts as absent, as it does to Hugging Face. Reading goes on after an error
// with harmless values; status() keeps the first error, which names `origin` and the field.
class JsonFields {
 public:
  // `object` must be a JSON object, and outlive this.
  JsonFields(const rapidjson::Value& object, absl::string_view origin);

  bool Has(const char* name) const { return Find(name) != nullptr; }
  // Of all fields, those that are null too.
  std::vector<std::string> Names() const;
  // The field as an object; none where it is absent or (an error) something else.
  std::optional<JsonFields> Object(const char* name);

  // An absent field without `fallback` is an error. A number outside [low, high] is one too.
  int64_t Int(const char* name, int64_t low, int64_t high,
              std::optional<int64_t> fallback = std::nullopt);
  double Double(const char* name, double low, double high,
                std::optional<double> fallback = std::nullopt);
  bool Bool(const char* name, std::optional<bool> fallback = std::nullopt);
  std::string String(const char* name, std::optional<std::string> fallback = std::nullopt);
  // Empty where absent.
  std::vector<std::string> Strings(const char* name);
  std::vector<int64_t> Ints(const char* name, int64_t low, int64_t high);

  // Records that `name` holds something else than `expected`: its value, or `found`.
  void Refuse(const char* name, absl::string_view expected);
  void Refuse(const char* name, absl::string_view expected, absl::string_view found);
  // Takes over the error of an object inside this one.
  void Absorb(const JsonFields& inner);

  const absl::Status& status() const { return status_; }

 private:
  const rapidjson::Value* Find(const char* name) const;
  void Fail(absl::Status status);

  const rapidjson::Value* object_;
  std::string origin_;
  absl::Status status_;
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_JSON_FIELDS_H_
