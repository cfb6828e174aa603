// Python's str for templates: text by code points, and its methods.
#ifndef RUNNER_PROMPT_JINJA_STRINGS_H_
#define RUNNER_PROMPT_JINJA_STRINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

// The code points of `text`, valid UTF-8, as strings.
std::vector<absl::string_view> CodePoints(absl::string_view text);
int64_t CodePointCount(absl::string_view text);

// `text` without white space, or without any of `characters`, at its ends.
std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right);

// text.replace(from, to, count); a negative count is no limit.
absl::StatusOr<std::string> Replace(absl::string_view text, absl::string_view from,
                                    absl::string_view to, int64_t count);

// Letters of ASCII; an error where `text` has others.
absl::StatusOr<std::string> ToUpper(absl::string_view text);
absl::StatusOr<std::string> ToLower(absl::string_view text);
absl::StatusOr<std::string> Capitalize(absl::string_view text);
absl::StatusOr<std::string> Title(absl::string_view text);

// The indices of sequence[start:stop:step] over `size` elements; a bound that is undefined or None
// is missing.
absl::StatusOr<std::vector<int64_t>> SliceIndices(int64_t size, const Value& start,
                                                  const Value& stop, const Value& step);

// text.name(arguments). An error names a method that is not supported.
absl::StatusOr<Value> CallStringMethod(const std::string& text, absl::string_view name,
                                       const Arguments& arguments);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_STRINGS_H_
