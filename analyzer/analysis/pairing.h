// Which configurations are compared with which.
#ifndef ANALYZER_ANALYSIS_PAIRING_H_
#define ANALYZER_ANALYSIS_PAIRING_H_

#include <set>
#include <vector>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/analysis/hardware.h"

namespace forensics::analyzer {

// Compares `signals` of all pairs of the report: sets its cross_hardware_baseline, within_hardware
// and cross_hardware, and adds what is odd or missing in a pair to its findings and gaps. Needs
// `reproducibility`. `groups`: of the report's experiment.
void ComparePairs(const std::vector<HardwareGroup>& groups, const std::set<SignalId>& signals,
                  ExperimentReport& report);

// Findings: a second configuration with the baseline's value, which is no variant of it, one with a
// variant's, which is another variant, and baselines whose values are one but for 1 and "1".
void NoteOddValues(const std::vector<HardwareGroup>& groups, ExperimentReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_PAIRING_H_
