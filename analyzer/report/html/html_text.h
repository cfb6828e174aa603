// Data as a part of HTML: never markup, never script.
#ifndef ANALYZER_REPORT_HTML_HTML_TEXT_H_
#define ANALYZER_REPORT_HTML_HTML_TEXT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::analyzer {

// For an element's content and for attribute values in double quotes.
std::string EscapeHtml(absl::string_view text);

// JSON for a script element of type application/json: the same JSON, in which '<', '>', '&' and the
// line separators U+2028 and U+2029, which only strings can hold, are \u escapes. Nothing in it can
// then end the element or begin a comment.
std::string EscapeJsonForScript(absl::string_view json);

// Three significant digits as HTML: "27.6", "6.40&times;10<sup>&minus;5</sup>", "&infin;"; a dash
// for none.
std::string NumberHtml(std::optional<double> value);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_HTML_HTML_TEXT_H_
