// The pairs of a report, one by one, with the cells that name them in tables.
#ifndef ANALYZER_REPORT_NAMED_PAIRS_H_
#define ANALYZER_REPORT_NAMED_PAIRS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// "experiment", "kind" (cross_hardware_baseline, within_hardware, cross_hardware_detectability),
// "hardware" ("A100-H100", "A100", "A100_variant"), "config_a" (baseline, or first hardware),
// "config_b" (variant, or second hardware), "value".
std::vector<std::string> PairColumns();

// Calls `use` with each pair and its PairColumns.
void ForEachPair(
    const ExperimentReport& report,
    absl::FunctionRef<void(const ConfigurationPair& pair, const std::vector<std::string>& names)>
        use);

// `first`, then `rest`.
std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& rest);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_NAMED_PAIRS_H_
