#include "schema/json_number.h"

#include <cmath>
#include <limits>
#include <system_error>

#include "absl/strings/charconv.h"
#include "absl/strings/numbers.h"

namespace forensics::schema {

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

}  // namespace forensics::schema
