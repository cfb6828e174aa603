// Regular expressions of tokenizer.json, which are written for Oniguruma, in PCRE2's syntax.
#ifndef RUNNER_TOKENIZER_SPLIT_PATTERN_H_
#define RUNNER_TOKENIZER_SPLIT_PATTERN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

// An expression that matches under PCRE2 (UTF, UCP) what `oniguruma` matches under Oniguruma.
// A construct that the two read differently and that has no rewriting here is an
// InvalidArgument that names it.
absl::StatusOr<std::string> OnigurumaToPcre2(absl::string_view oniguruma);

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_SPLIT_PATTERN_H_
