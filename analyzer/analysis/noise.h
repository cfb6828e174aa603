// What a change of hardware alone does, and whether variants stand out from it.
#ifndef ANALYZER_ANALYSIS_NOISE_H_
#define ANALYZER_ANALYSIS_NOISE_H_

#include <set>
#include <vector>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/analysis/hardware.h"

namespace forensics::analyzer {

// Sets the report's noise by its pairs across hardware, for each of `signals`.
void MeasureNoise(const std::vector<HardwareGroup>& groups, const std::set<SignalId>& signals,
                  ExperimentReport& report);

// Sets the verdicts of variants against the report's noise.
void JudgeVariants(ExperimentReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_NOISE_H_
