// The summary table.
#ifndef ANALYZER_REPORT_TEXT_REPORTS_H_
#define ANALYZER_REPORT_TEXT_REPORTS_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// The plan's table: a row an experiment, "-" for what is not known; then a row a variant with what
// is known of the headline signal's uncertainty and its distance in prefill and decode; then one
// with its run time, slowdown and, with concurrent work, its overlap; then remarks, if any.
std::string SummaryTable(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_TEXT_REPORTS_H_
