#include "analyzer/analysis/experiment_report.h"

#include <algorithm>

namespace forensics::analyzer {

std::optional<double> ConfigurationPair::MeanL2(const SignalId& signal) const {
  if (!comparison.has_value()) return std::nullopt;
  const auto found = comparison->signals.find(signal);
  if (found == comparison->signals.end() || found->second.l2.n == 0) return std::nullopt;
  return found->second.l2.mean;
}

const Reproducibility& ExperimentReport::RepetitionsOf(const Configuration& configuration) const {
  return *std::find_if(reproducibility.begin(), reproducibility.end(),
                       [&](const Reproducibility& repetitions) {
                         return repetitions.config_id == configuration.config_id;
                       });
}

}  // namespace forensics::analyzer
