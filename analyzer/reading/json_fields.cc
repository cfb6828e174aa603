#include "analyzer/reading/json_fields.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/number_text.h"

namespace forensics::analyzer {
namespace {

bool IsNull(const JsonScalar& scalar) { return std::holds_alternative<std::monostate>(scalar); }

// The whole number that `scalar` is, if it is one.
std::optional<int64_t> WholeNumber(const JsonScalar& scalar) {
  if (const int64_t* number = std::get_if<int64_t>(&scalar)) return *number;
  const double* number = std::get_if<double>(&scalar);
  // Exactly representable bounds; above them a double is no longer a single integer.
  constexpr double kLimit = 9007199254740992.0;
  if (number == nullptr || !(std::abs(*number) <= kLimit)) return std::nullopt;
  const int64_t whole = static_cast<int64_t>(*number);
  return static_cast<double>(whole) == *number ? std::optional<int64_t>(whole) : std::nullopt;
}

// Reads a scalar into `field` with `convert`, which returns none for a wrong type.
template <typename T, typename Convert>
absl::Status ReadAs(JsonCursor& cursor, const char* expected, Convert convert, T& field) {
  absl::StatusOr<JsonScalar> scalar = cursor.ReadScalar();
  if (!scalar.ok()) return scalar.status();
  if (IsNull(*scalar)) return absl::OkStatus();
  auto value = convert(*std::move(scalar));
  if (!value.has_value()) return cursor.Error(absl::StrCat("expected ", expected));
  field = *std::move(value);
  return absl::OkStatus();
}

template <typename T>
std::optional<T> Alternative(JsonScalar scalar) {
  T* value = std::get_if<T>(&scalar);
  return value == nullptr ? std::nullopt : std::optional<T>(std::move(*value));
}

std::optional<double> Number(const JsonScalar& scalar) {
  if (const int64_t* number = std::get_if<int64_t>(&scalar)) return static_cast<double>(*number);
  if (const double* number = std::get_if<double>(&scalar)) return *number;
  const std::string* text = std::get_if<std::string>(&scalar);
  if (text == nullptr) return std::nullopt;
  if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (*text == "Infinity") return std::numeric_limits<double>::infinity();
  if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

}  // namespace

absl::Status ReadField(JsonCursor& cursor, std::string& field) {
  return ReadAs(cursor, "a string", Alternative<std::string>, field);
}

absl::Status ReadField(JsonCursor& cursor, std::optional<std::string>& field) {
  return ReadAs(cursor, "a string", Alternative<std::string>, field);
}

absl::Status ReadField(JsonCursor& cursor, std::optional<double>& field) {
  return ReadAs(cursor, "a number", Number, field);
}

absl::Status ReadField(JsonCursor& cursor, std::optional<bool>& field) {
  return ReadAs(cursor, "true or false", Alternative<bool>, field);
}

absl::Status ReadField(JsonCursor& cursor, std::optional<int64_t>& field) {
  return ReadAs(cursor, "a whole number", WholeNumber, field);
}

absl::Status ReadField(JsonCursor& cursor, std::vector<int64_t>& field) {
  return ReadArrayOrNull(cursor, [&] {
    std::optional<int64_t> element;
    if (absl::Status status = ReadField(cursor, element); !status.ok()) return status;
    if (!element.has_value()) return cursor.Error("expected a whole number, found null");
    field.push_back(*element);
    return absl::OkStatus();
  });
}

absl::Status ReadObjectOrNull(JsonCursor& cursor,
                              absl::FunctionRef<absl::Status(const std::string& key)> member) {
  if (cursor.Peek() == JsonCursor::Kind::kNull) return cursor.Skip();
  return cursor.ReadObject(member);
}

absl::Status ReadArrayOrNull(JsonCursor& cursor, absl::FunctionRef<absl::Status()> element) {
  if (cursor.Peek() == JsonCursor::Kind::kNull) return cursor.Skip();
  return cursor.ReadArray(element);
}

std::optional<int> NumberAfter(absl::string_view prefix, absl::string_view key) {
  int number = 0;
  if (!absl::StartsWith(key, prefix)) return std::nullopt;
  const char* const end = key.data() + key.size();
  const auto result = std::from_chars(key.data() + prefix.size(), end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  // "layer_013" beside "layer_13" would be the same layer twice.
  if (key.substr(prefix.size()) != absl::StrCat(number)) return std::nullopt;
  return number;
}

std::string ScalarText(const JsonScalar& scalar) {
  if (IsNull(scalar)) return "null";
  if (const bool* truth = std::get_if<bool>(&scalar)) return *truth ? "true" : "false";
  if (const std::string* text = std::get_if<std::string>(&scalar)) return *text;
  if (const std::optional<int64_t> whole = WholeNumber(scalar)) return absl::StrCat(*whole);
  return NumberText(std::get<double>(scalar));
}

}  // namespace forensics::analyzer
