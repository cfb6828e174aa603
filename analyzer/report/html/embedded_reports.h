// The part of analysis_reports.json that goes into the page.
#ifndef ANALYZER_REPORT_HTML_EMBEDDED_REPORTS_H_
#define ANALYZER_REPORT_HTML_EMBEDDED_REPORTS_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::analyzer {

// A page of this many bytes of JSON and plotly.js opens quickly and can be mailed.
inline constexpr size_t kMostEmbeddedBytes = 24 << 20;

struct EmbeddedReports {
  std::string json;      // the same text without white space between its parts
  std::string left_out;  // in words; empty if nothing is
};

// `json` is what AnalysisReportsJson wrote. While it is longer than `limit` bytes, more is left
// out: first the distances by position of all signals but the headline's, then figures by phase of
// other signals, at last all signals of pairs. What remains even then grows by about 1 KB a pair.
EmbeddedReports EmbedReports(absl::string_view json, size_t limit = kMostEmbeddedBytes);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_HTML_EMBEDDED_REPORTS_H_
