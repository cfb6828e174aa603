// How sure the distances of an experiment's pairs are, and tests over many experiments.
#ifndef ANALYZER_ANALYSIS_SIGNIFICANCE_H_
#define ANALYZER_ANALYSIS_SIGNIFICANCE_H_

#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// Sets the uncertainty of each pair with a comparison, on all cores. Needs `noise`.
void MeasureUncertainty(ExperimentReport& report);

// Sets NoiseComparison::p_holm and RunTime::slower_p_holm: each signal's tests, and those of run
// times, of all variants on all hardware in all reports, are adjusted together.
void AdjustAcrossExperiments(std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_SIGNIFICANCE_H_
