// report.html: the reports in one file that any browser shows without a network.
//
// The page is a fixed template with its style, plotly.js and its own script in it, and the text of
// analysis_reports.json and summary.json as data that this script draws. The verdict alone is
// written as HTML, so that it can be read without scripts. What the page says is therefore in the
// JSON by construction. A Content-Security-Policy lets nothing run but these two scripts (by their
// digests) and nothing be fetched.
#ifndef ANALYZER_REPORT_HTML_HTML_REPORT_H_
#define ANALYZER_REPORT_HTML_HTML_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace forensics::analyzer {

// The page of what AnalysisReportsJson and SummaryJson wrote.
std::string HtmlReport(absl::string_view analysis_reports_json, absl::string_view summary_json);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_HTML_HTML_REPORT_H_
