#include "runner/prompt/jinja/operators.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace forensics::runner::jinja {
namespace {

absl::Status TooLarge() { return absl::OutOfRangeError("an integer beyond 64 bits"); }

absl::StatusOr<Value> IntegerPower(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  if (base == 0 || base == 1) return Value(exponent == 0 ? int64_t{1} : base);
  if (base == -1) return Value(int64_t{exponent % 2 == 0 ? 1 : -1});
  int64_t power = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(power, base, &power)) return TooLarge();
  }
  return Value(power);
}

absl::StatusOr<Value> IntegerOperator(absl::string_view name, int64_t a, int64_t b) {
  int64_t result = 0;
  if (name == "+")
    return __builtin_add_overflow(a, b, &result) ? TooLarge() : absl::StatusOr<Value>(result);
  if (name == "-")
    return __builtin_sub_overflow(a, b, &result) ? TooLarge() : absl::StatusOr<Value>(result);
  if (name == "*")
    return __builtin_mul_overflow(a, b, &result) ? TooLarge() : absl::StatusOr<Value>(result);
  if (name == "**") return IntegerPower(a, b);
  if (b == 0) return absl::InvalidArgumentError("division by zero");
  if (name == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1) return name == "%" ? Value(int64_t{0}) : IntegerOperator("-", 0, a);
  // Python rounds towards minus infinity.
  const int64_t remainder = a % b;
  const bool adjust = remainder != 0 && (remainder < 0) != (b < 0);
  if (name == "//") return Value(a / b - (adjust ? 1 : 0));
  return Value(remainder + (adjust ? b : 0));
}

absl::StatusOr<Value> FloatOperator(absl::string_view name, double a, double b) {
  if (name == "+") return Value(a + b);
  if (name == "-") return Value(a - b);
  if (name == "*") return Value(a * b);
  if (name == "**") return Value(std::pow(a, b));
  if (b == 0) return absl::InvalidArgumentError("division by zero");
  if (name == "/") return Value(a / b);
  if (name == "//") return Value(std::floor(a / b));
  const double remainder = std::fmod(a, b);
  return Value(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder);
}

}  // namespace

absl::StatusOr<Value> BinaryOperator(absl::string_view name, const Value& left,
                                     const Value& right) {
  if (name == "~") return Value(absl::StrCat(left.ToText(), right.ToText()));
  if (left.IsNumber() && right.IsNumber()) {
    return left.AsFloat() || right.AsFloat()
               ? FloatOperator(name, left.ToDouble(), right.ToDouble())
               : IntegerOperator(name, left.ToInteger(), right.ToInteger());
  }
  if (name == "+" && left.AsString() && right.AsString()) {
    return Value(absl::StrCat(*left.AsString(), *right.AsString()));
  }
  if (name == "+" && left.AsList() && right.AsList()) {
    std::vector<Value> items = left.AsList()->items;
    const auto& more = right.AsList()->items;
    items.insert(items.end(), more.begin(), more.end());
    return Value::OfList(std::move(items));
  }
  if (const Undefined* undefined = left.AsUndefined() ? left.AsUndefined() : right.AsUndefined()) {
    return absl::InvalidArgumentError(absl::StrCat(undefined->what, " is undefined"));
  }
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' of types ", left.TypeName(), " and ",
                                                 right.TypeName(), " is not supported"));
}

absl::StatusOr<Value> Negate(const Value& value) {
  if (value.AsFloat()) return Value(-value.ToDouble());
  if (value.IsNumber()) return IntegerOperator("-", 0, value.ToInteger());
  return absl::InvalidArgumentError(absl::StrCat("'-' of a value of type ", value.TypeName()));
}

}  // namespace forensics::runner::jinja
