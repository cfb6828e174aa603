// Distances of pairs as tables, for those who go on in R, pandas or a spreadsheet.
#ifndef ANALYZER_REPORT_TIDY_TABLE_H_
#define ANALYZER_REPORT_TIDY_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/report/table.h"

namespace forensics::analyzer {

// A line for each pair of configurations, signal and layer; no heading. Tab-separated: experiment,
// kind (cross_hardware_baseline, within_hardware, cross_hardware_detectability), hardware
// ("A100-H100", "A100", "A100_variant"), config a (baseline, or first hardware), config b (variant,
// or second hardware), value, signal, n, mean, min, max, snr, class. What is not known is empty, as
// are snr and class of the pairs that make up the noise.
std::string TidyTable(const std::vector<ExperimentReport>& reports);

// The same pairs, signals and layers, three lines each: a phase each ("all", "prefill", "decode"),
// over distinct positions. A heading names the columns: those up to signal, phase, positions, mean,
// min and max of L2, relative L2 and cosine, largest_absolute, number_format, largest_ulps,
// mean_ulps, ulp_histogram (counts, separated by commas), elements, elements_changed,
// share_changed, sign_changed, exponent_changed, mantissa_changed. Signals that could not be
// compared have no line.
std::string PhaseTable(const std::vector<ExperimentReport>& reports,
                       Separator separator = Separator::kTab);

// Mean, min and max; empty if there is none.
std::vector<std::string> DistanceCells(const DistanceSummary& summary);

// Low and high; empty where there is none.
std::vector<std::string> IntervalCells(const std::optional<Interval>& interval);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_TIDY_TABLE_H_
