// Typed reading of single JSON fields; null leaves the target as it is.
#ifndef ANALYZER_READING_JSON_FIELDS_H_
#define ANALYZER_READING_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "analyzer/reading/json_cursor.h"

namespace forensics::analyzer {

absl::Status ReadField(JsonCursor& cursor, std::string& field);
absl::Status ReadField(JsonCursor& cursor, std::optional<std::string>& field);
absl::Status ReadField(JsonCursor& cursor, std::optional<double>& field);
absl::Status ReadField(JsonCursor& cursor, std::optional<bool>& field);
// Takes whole numbers written as 3.0 too, as numpy's JSON often has them.
absl::Status ReadField(JsonCursor& cursor, std::optional<int64_t>& field);
absl::Status ReadField(JsonCursor& cursor, std::vector<int64_t>& field);

// As JsonCursor's, but a null is passed over.
absl::Status ReadObjectOrNull(JsonCursor& cursor,
                              absl::FunctionRef<absl::Status(const std::string& key)> member);
absl::Status ReadArrayOrNull(JsonCursor& cursor, absl::FunctionRef<absl::Status()> element);

// The integer after `prefix`: 47 of "layer_47", -3 of "pos_-3"; none if `key` is not of that form,
// nor if the number is spelled otherwise ("layer_047", "pos_-03").
std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key);

// JSON text of a scalar, strings without their quotes: how a value stands as a key. A whole number
// is written as an integer, so that 2 and 2.0 are one value.
std::string ScalarText(const JsonScalar& scalar);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_JSON_FIELDS_H_
