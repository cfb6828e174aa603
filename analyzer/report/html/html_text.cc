#include "analyzer/report/html/html_text.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace forensics::analyzer {

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string EscapeJsonForScript(absl::string_view json) {
  return absl::StrReplaceAll(json, {{"<", "\\u003c"},
                                    {">", "\\u003e"},
                                    {"&", "\\u0026"},
                                    {"\xe2\x80\xa8", "\\u2028"},
                                    {"\xe2\x80\xa9", "\\u2029"}});
}

std::string NumberHtml(std::optional<double> value) {
  if (!value.has_value()) return "&ndash;";
  if (std::isnan(*value)) return "NaN";
  if (std::isinf(*value)) return *value > 0 ? "&infin;" : "&minus;&infin;";
  if (*value == 0) return "0";
  // Rounded first: 999.6 is 1.00e+03, of one digit more.
  const std::string rounded = absl::StrFormat("%.2e", std::abs(*value));
  const int exponent = std::atoi(rounded.substr(rounded.find('e') + 1).c_str());
  const std::string sign = *value < 0 ? "&minus;" : "";
  if (exponent >= -3 && exponent < 6) {
    return absl::StrFormat("%s%.*f", sign, std::max(0, 2 - exponent), std::abs(*value));
  }
  return absl::StrFormat("%s%s&times;10<sup>%s%d</sup>", sign, rounded.substr(0, 4),
                         exponent < 0 ? "&minus;" : "", std::abs(exponent));
}

}  // namespace forensics::analyzer
