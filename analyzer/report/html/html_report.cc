#include "analyzer/report/html/html_report.h"

#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "analyzer/report/html/embedded_reports.h"
#include "analyzer/report/html/html_text.h"
#include "analyzer/report/html/page_text.h"
#include "analyzer/report/html/verdict_table.h"
#include "rapidjson/document.h"
#include "schema/digest.h"

namespace forensics::analyzer {
namespace {

// The template with each {{name}} replaced; what is put in is not looked at again.
std::string Fill(absl::string_view page_template,
                 const std::map<absl::string_view, absl::string_view>& parts) {
  std::string page;
  size_t size = page_template.size();
  for (const auto& [name, text] : parts) size += text.size();
  page.reserve(size);
  while (true) {
    const size_t open = page_template.find("{{");
    const size_t close = page_template.find("}}", open);
    if (open == absl::string_view::npos || close == absl::string_view::npos) break;
    absl::StrAppend(&page, page_template.substr(0, open),
                    parts.at(page_template.substr(open + 2, close - open - 2)));
    page_template.remove_prefix(close + 2);
  }
  absl::StrAppend(&page, page_template);
  return page;
}

std::string ScriptSource(absl::string_view script) {
  return absl::StrCat("'sha256-", absl::Base64Escape(schema::Sha256Bytes(script)), "'");
}

std::string LeftOutHtml(const std::string& left_out) {
  if (left_out.empty()) return "";
  return absl::StrCat("<p class=\"left-out\">To keep this file small it is without ",
                      EscapeHtml(left_out), "; analysis_reports.json has them.</p>");
}

}  // namespace

std::string HtmlReport(absl::string_view analysis_reports_json, absl::string_view summary_json) {
  rapidjson::Document summary;
  summary.Parse<rapidjson::kParseFullPrecisionFlag>(summary_json.data(), summary_json.size());
  const EmbeddedReports embedded = EmbedReports(analysis_reports_json);
  const std::string reports = EscapeJsonForScript(embedded.json);
  const std::string summary_text = EscapeJsonForScript(summary_json);
  const std::string verdict = VerdictHtml(summary);
  const std::string left_out = LeftOutHtml(embedded.left_out);
  const std::string sources =
      absl::StrCat(ScriptSource(kPlotlyScript), " ", ScriptSource(kPageScript));
  return Fill(kPageTemplate, {{"left_out", left_out},
                              {"plotly", kPlotlyScript},
                              {"reports", reports},
                              {"script", kPageScript},
                              {"script_sources", sources},
                              {"style", kPageStyle},
                              {"summary", summary_text},
                              {"verdict", verdict}});
}

}  // namespace forensics::analyzer
