// Python's arithmetic for template expressions.
#ifndef RUNNER_PROMPT_JINJA_OPERATORS_H_
#define RUNNER_PROMPT_JINJA_OPERATORS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

// left OP right for + - * / // % ** ~. Types that Python would not combine, division by zero and
// results beyond 64 bits are errors.
absl::StatusOr<Value> BinaryOperator(absl::string_view name, const Value& left, const Value& right);

absl::StatusOr<Value> Negate(const Value& value);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_OPERATORS_H_
