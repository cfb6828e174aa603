// Reading JSON objects that came from elsewhere: nothing in them is taken on trust.
#ifndef RUNNER_CHECKPOINT_JSON_OBJECT_H_
#define RUNNER_CHECKPOINT_JSON_OBJECT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rapidjson/document.h"

namespace forensics::runner {

// Parses `text`, which must be JSON in valid UTF-8, nothing after it, at most 8 million values and
// nested at most 100 deep: what a hostile file can cost is bounded. An error is of the form
// "at byte 7: cause".
absl::Status ParseJson(absl::string_view text, rapidjson::Document& document);

// The same for a text that must be an object. `origin` begins every error.
absl::StatusOr<rapidjson::Document> ParseJsonObject(absl::string_view text,
                                                    absl::string_view origin);

// Refuses an object that holds a name twice: readers differ in which of the two they take.
absl::Status CheckUniqueNames(const rapidjson::Value& object, absl::string_view origin);

// `value` as JSON text, cut to a length that suits an error message.
std::string JsonExcerpt(const rapidjson::Value& value);

inline absl::string_view JsonString(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_JSON_OBJECT_H_
