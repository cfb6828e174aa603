// The verdict: what stands on the page's first screen, readable without scripts.
#ifndef ANALYZER_REPORT_HTML_VERDICT_TABLE_H_
#define ANALYZER_REPORT_HTML_VERDICT_TABLE_H_

#include <string>

#include "rapidjson/document.h"

namespace forensics::analyzer {

// `summary` is summary.json. A sentence that says how many changes rise above a change of hardware,
// what is undefined and why, then the plan's table, a row an experiment. A cell of a figure has it
// in full in data-value; row i links to the section "experiment-i".
std::string VerdictHtml(const rapidjson::Value& summary);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_HTML_VERDICT_TABLE_H_
