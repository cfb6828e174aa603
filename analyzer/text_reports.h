// The summary table and the tidy table.
#ifndef ANALYZER_TEXT_REPORTS_H_
#define ANALYZER_TEXT_REPORTS_H_

#include <string>
#include <vector>

#include "analyzer/experiment_analysis.h"

namespace forensics::analyzer {

// The plan's table: a row an experiment, "-" for what is not known; then a row a variant with its
// run time, slowdown and, with concurrent work, its overlap; then remarks, if any.
std::string SummaryTable(const std::vector<ExperimentReport>& reports);

// A line for each pair of configurations, signal and layer; no heading. Tab-separated: experiment,
// kind (cross_hardware_baseline, within_hardware, cross_hardware_detectability), hardware
// ("A100-H100", "A100", "A100_variant"), config a (baseline, or first hardware), config b (variant,
// or second hardware), value, signal, n, mean, min, max, snr, class. What is not known is empty, as
// are snr and class of the pairs that make up the noise.
std::string TidyTable(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_TEXT_REPORTS_H_
