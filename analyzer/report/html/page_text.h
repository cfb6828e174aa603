// The fixed texts of the page, embedded into the program by embedded_text.bzl.
#ifndef ANALYZER_REPORT_HTML_PAGE_TEXT_H_
#define ANALYZER_REPORT_HTML_PAGE_TEXT_H_

#include "absl/strings/string_view.h"

namespace forensics::analyzer {

extern const absl::string_view kPageTemplate;  // page/template.html: {{name}} stands for a part
extern const absl::string_view kPageStyle;     // page/style.css
extern const absl::string_view kPageScript;    // page/*.js, one script
extern const absl::string_view kPlotlyScript;  // plotly.min.js

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_HTML_PAGE_TEXT_H_
