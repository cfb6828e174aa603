#include "schema/json_number.h"

#include <cmath>
#include <limits>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/numbers.h"

namespace forensics::schema {
namespace {

constexpr size_t kSurelyInRange = 300;  // digits without an exponent

bool EndsInLetter(absl::string_view text) {
  return !text.empty() && absl::ascii_isalpha(static_cast<unsigned char>(text.back()));
}

}  // namespace

JsonNumber ReadJsonNumber(absl::string_view text) {
  int64_t integer = 0;
  if (absl::SimpleAtoi(text, &integer)) return integer;
  uint64_t natural = 0;
  if (absl::SimpleAtoi(text, &natural)) return natural;
  double number = std::numeric_limits<double>::quiet_NaN();
  const auto result = absl::from_chars(text.data(), text.data() + text.size(), number);
  // Beyond the range the largest or smallest double is left.
  const bool is_too_large = result.ec == std::errc::result_out_of_range && std::abs(number) >= 1;
  return is_too_large ? std::copysign(std::numeric_limits<double>::infinity(), number) : number;
}

const char* JsonNumberFault(absl::string_view text) {
  if (EndsInLetter(text)) {
    const bool is_known = text == "NaN" || text == "Infinity" || text == "-Infinity";
    return is_known ? nullptr : "expected a number, NaN, Infinity or -Infinity";
  }
  const bool has_exponent = text.find_first_of("eE") != text.npos;
  if (!has_exponent && text.size() <= kSurelyInRange) return nullptr;
  const JsonNumber number = ReadJsonNumber(text);
  const double* value = std::get_if<double>(&number);
  const bool is_beyond = value != nullptr && std::isinf(*value);
  return is_beyond ? "Number too big to be stored in double." : nullptr;
}

}  // namespace forensics::schema
