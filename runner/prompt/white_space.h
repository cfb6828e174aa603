// One normal form for the white space of extracted text.
#ifndef RUNNER_PROMPT_WHITE_SPACE_H_
#define RUNNER_PROMPT_WHITE_SPACE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

// `text`, valid UTF-8, with its white space (Unicode's White_Space) normalised:
// * CR LF, CR, form feed, vertical tab, U+0085, U+2028 and U+2029 are line breaks, "\n";
// * within a line, a run of white space is one space, and none is left at the line's ends;
// * two or more blank lines are one; the text neither starts nor ends with white space.
// A byte order mark at the start is dropped. No other character changes, lines are not joined, and
// normalising twice changes nothing more.
std::string NormalizeWhiteSpace(absl::string_view text);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_WHITE_SPACE_H_
