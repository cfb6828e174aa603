// analysis_reports.json and summary.json: the plan's keys, and more beside them.
#ifndef ANALYZER_REPORT_JSON_REPORTS_H_
#define ANALYZER_REPORT_JSON_REPORTS_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// One object, keyed by experiment_type (by type and file where two files have the same type). An
// experiment has the plan's reproducibility, cross_hardware_baseline (by value; with three or more
// hardware, "VALUE (A100-H200)" for all but the first pair), within_hardware_detectability (by
// hardware, then value) and cross_hardware_detectability (by "A100_variant_vs_H100_baseline", then
// value), and beside them noise (by signal), identity_classes, resampling, run_time (by hardware,
// then config_id: mean_seconds, variance, slowdown against the baseline, overlap of concurrent
// work), confounding (what differs beside the variable, in words; a variant's other_differences has
// the values), gaps (what is missing) and findings (what is odd). docs/file_formats.md describes
// the keys. A pair's l2_distance, its min, max and n, snr and detectability are the headline
// signal's; under `signals` stand those of every signal and layer with what was left out and, under
// `distinct_positions`, the statistics that count each position of the sequence once.
std::string AnalysisReportsJson(const std::vector<ExperimentReport>& reports);

// One array, a row an experiment.
std::string SummaryJson(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_JSON_REPORTS_H_
