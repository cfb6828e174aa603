// Where the SNR of means and what is measured position by position part.
#ifndef ANALYZER_ANALYSIS_SNR_DISAGREEMENT_H_
#define ANALYZER_ANALYSIS_SNR_DISAGREEMENT_H_

#include <optional>
#include <string>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// Both SNRs of a variant and why they part, where the interval does not hold its SNR or the test
// contradicts its class; of the headline signal against Noise::mean. SNR and class are of the
// pairs' means, each over its own timepoints; interval and test hold each position against the
// noise of the pairs that reach it.
std::optional<std::string> SnrDisagreement(const ExperimentReport& report,
                                           const ConfigurationPair& variant);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_SNR_DISAGREEMENT_H_
