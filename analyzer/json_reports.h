// analysis_reports.json and summary.json: the plan's keys, and more beside them.
#ifndef ANALYZER_JSON_REPORTS_H_
#define ANALYZER_JSON_REPORTS_H_

#include <string>
#include <vector>

#include "analyzer/experiment_analysis.h"

namespace forensics::analyzer {

// One object, keyed by experiment_type (by type and file where two files have the same type).
std::string AnalysisReportsJson(const std::vector<ExperimentReport>& reports);

// One array, a row an experiment.
std::string SummaryJson(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_JSON_REPORTS_H_
