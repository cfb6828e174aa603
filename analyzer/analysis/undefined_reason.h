// Why an experiment has no class.
#ifndef ANALYZER_ANALYSIS_UNDEFINED_REASON_H_
#define ANALYZER_ANALYSIS_UNDEFINED_REASON_H_

#include <optional>
#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

struct UndefinedReason {
  std::string kind;  // that of its caveat
  std::string text;
};

// Why no headline distance came of any of `pairs`, which are some.
std::string WhyNoDistance(const ExperimentReport& report,
                          const std::vector<const ConfigurationPair*>& pairs);

// Why the summary has no class, and what gives it one or where the distances went; none if it has
// one.
std::optional<UndefinedReason> FindUndefinedReason(const ExperimentReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_UNDEFINED_REASON_H_
