#include "analyzer/analysis/experiment_report.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {

std::optional<double> ConfigurationPair::MeanL2(const SignalId& signal) const {
  if (!comparison.has_value()) return std::nullopt;
  const auto found = comparison->signals.find(signal);
  if (found == comparison->signals.end() || found->second.l2.n == 0) return std::nullopt;
  return found->second.l2.mean;
}

std::vector<const ConfigurationPair*> ExperimentReport::PairsWithin() const {
  std::vector<const ConfigurationPair*> pairs;
  for (const WithinHardware& within : within_hardware) {
    for (const ConfigurationPair& pair : within.pairs) pairs.push_back(&pair);
  }
  return pairs;
}

std::vector<const ConfigurationPair*> ExperimentReport::PairsAcross() const {
  std::vector<const ConfigurationPair*> pairs;
  for (const CrossHardwareBaseline& cross : cross_hardware_baseline) {
    for (const ConfigurationPair& pair : cross.pairs) pairs.push_back(&pair);
  }
  return pairs;
}

const Reproducibility& ExperimentReport::RepetitionsOf(const Configuration& configuration) const {
  return *std::find_if(reproducibility.begin(), reproducibility.end(),
                       [&](const Reproducibility& repetitions) {
                         return repetitions.config_id == configuration.config_id;
                       });
}

void NameApart(std::vector<ExperimentReport>& reports) {
  std::set<std::string> types;
  for (ExperimentReport& report : reports) {
    const Experiment& experiment = report.experiment;
    report.name = types.insert(experiment.type).second
                      ? experiment.type
                      : absl::StrCat(experiment.type, " (", experiment.path, ")");
  }
}

}  // namespace forensics::analyzer
