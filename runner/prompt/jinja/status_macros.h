// Early return on errors; an expression evaluator has one at every step.
#ifndef RUNNER_PROMPT_JINJA_STATUS_MACROS_H_
#define RUNNER_PROMPT_JINJA_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"

#define JINJA_RETURN_IF_ERROR(expression)                                   \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// JINJA_ASSIGN(auto value, Compute()): declares or assigns on success.
#define JINJA_ASSIGN(target, expression) \
  JINJA_ASSIGN_IMPL_(JINJA_CONCAT_(result_, __LINE__), target, expression)
#define JINJA_CONCAT_IMPL_(a, b) a##b
#define JINJA_CONCAT_(a, b) JINJA_CONCAT_IMPL_(a, b)
#define JINJA_ASSIGN_IMPL_(result, target, expression) \
  auto result = (expression);                          \
  if (!result.ok()) return result.status();            \
  target = *std::move(result)

#endif  // RUNNER_PROMPT_JINJA_STATUS_MACROS_H_
