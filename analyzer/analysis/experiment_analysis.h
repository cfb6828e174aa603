// The analysis of one experiment.
#ifndef ANALYZER_ANALYSIS_EXPERIMENT_ANALYSIS_H_
#define ANALYZER_ANALYSIS_EXPERIMENT_ANALYSIS_H_

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/analysis/uncertainty.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

ExperimentReport Analyze(Experiment experiment, const StatisticsOptions& statistics = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_EXPERIMENT_ANALYSIS_H_
