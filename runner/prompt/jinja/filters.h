// Jinja's filters ("x | trim") and tests ("x is defined").
#ifndef RUNNER_PROMPT_JINJA_FILTERS_H_
#define RUNNER_PROMPT_JINJA_FILTERS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

// An error names a filter or test that is not supported.
absl::StatusOr<Value> ApplyFilter(absl::string_view name, const Value& value,
                                  const Arguments& arguments);
absl::StatusOr<bool> ApplyTest(absl::string_view name, const Value& value,
                               const Arguments& arguments);

// object.name and object[key]; what does not exist is undefined. Of an undefined object it is
// an error.
absl::StatusOr<Value> GetAttribute(const Value& object, absl::string_view name);
absl::StatusOr<Value> GetItem(const Value& object, const Value& key);

// object.name(arguments) for strings and dicts.
absl::StatusOr<Value> CallMethod(const Value& object, absl::string_view name,
                                 const Arguments& arguments);

// Python's "item in container".
absl::StatusOr<bool> Contains(const Value& container, const Value& item);

// What a for statement runs over: a list's items, a dict's keys, a string's code points, nothing
// for undefined.
absl::StatusOr<std::vector<Value>> Iterate(const Value& value);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_FILTERS_H_
