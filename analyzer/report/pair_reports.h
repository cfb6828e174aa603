// The pairs of configurations in analysis_reports.json: most of its text.
#ifndef ANALYZER_REPORT_PAIR_REPORTS_H_
#define ANALYZER_REPORT_PAIR_REPORTS_H_

#include <map>
#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// "A100-H100".
std::string HardwareNames(const CrossHardwareBaseline& cross);

// The JSON object of each pair, indented for its place in the file.
using PairTexts = std::map<const ConfigurationPair*, std::string>;

// Written on all cores.
PairTexts WritePairs(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_PAIR_REPORTS_H_
