// Tables with a line or more for each pair of configurations; tab-separated, under headings.
#ifndef ANALYZER_REPORT_PAIR_TABLES_H_
#define ANALYZER_REPORT_PAIR_TABLES_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

using Reports = std::vector<ExperimentReport>;

// Contexts, and the first token that differs.
std::string PairTable(const Reports& reports);

// A signal a line: distance over all timepoints, verdicts, what was left out.
std::string SignalTable(const Reports& reports);

// A distinct position of a signal a line.
std::string PositionTable(const Reports& reports);

// A signal a line: its first value with other bits; signals without one have no line.
std::string DivergenceTable(const Reports& reports);

// A signal and noise a line, of variants against the baseline on the same hardware.
std::string AgainstNoiseTable(const Reports& reports);

// A point of a ROC curve a line, of each signal.
std::string RocTable(const Reports& reports);

// A version, setting or parameter a line that differs beside the variable.
std::string DifferenceTable(const Reports& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_PAIR_TABLES_H_
