#include "runner/prompt/white_space.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "runner/tokenizer/unicode.h"

namespace forensics::runner {
namespace {

bool IsLineBreak(absl::string_view point) {
  return point == "\n" || point == "\r" || point == "\f" || point == "\v" || point == "\xC2\x85" ||
         point == "\xE2\x80\xA8" || point == "\xE2\x80\xA9";
}

}  // namespace

std::string NormalizeWhiteSpace(absl::string_view text) {
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  std::string result;
  result.reserve(text.size());
  int breaks = 0;  // in the run of white space before `i`
  bool in_space = false;
  for (size_t i = 0; i < text.size();) {
    const absl::string_view point = text.substr(i, ScanUtf8(text, i).size);
    i += point.size();
    if (LeadingSpace(point) == point.size()) {
      in_space = true;
      // "\r\n" is one break, counted at the "\n".
      if (IsLineBreak(point) && !(point == "\r" && absl::StartsWith(text.substr(i), "\n")))
        ++breaks;
      continue;
    }
    if (in_space && !result.empty()) {
      if (breaks == 0) {
        result += ' ';
      } else {
        result.append(static_cast<size_t>(std::min(breaks, 2)), '\n');
      }
    }
    in_space = false;
    breaks = 0;
    result.append(point.data(), point.size());
  }
  return result;
}

}  // namespace forensics::runner
