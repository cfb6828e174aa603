#include "analyzer/analysis/noise.h"

namespace forensics::analyzer {
namespace {

std::optional<double> Mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return Summarize(values).mean;
}

void JudgePairs(const std::map<SignalId, Noise>& noises, std::vector<ConfigurationPair>& pairs) {
  for (ConfigurationPair& pair : pairs) {
    for (const auto& [signal, noise] : noises) {
      const std::optional<double> l2 = pair.MeanL2(signal);
      pair.verdicts[signal] = {Judge(l2, noise.mean), Judge(l2, noise.at_baseline)};
    }
  }
}

}  // namespace

void MeasureNoise(const std::vector<HardwareGroup>& groups, const std::set<SignalId>& signals,
                  ExperimentReport& report) {
  std::set<const Configuration*> baselines;  // those that share a hardware and a value, too
  for (const HardwareGroup& group : groups) {
    for (const Configuration* configuration : group.configurations) {
      const bool is_baseline = configuration->variable_value == group.baseline->variable_value;
      if (is_baseline) baselines.insert(configuration);
    }
  }
  for (const SignalId& signal : signals) {
    std::vector<double> all, at_baseline;
    std::vector<PositionSeries> all_series, at_baseline_series;
    for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
      for (const ConfigurationPair& pair : cross.pairs) {
        const std::optional<double> l2 = pair.MeanL2(signal);
        if (!l2.has_value()) continue;
        const PositionSeries series = SeriesOf(pair.comparison->signals.at(signal));
        all.push_back(*l2);
        all_series.push_back(series);
        if (baselines.count(pair.a) == 0 || baselines.count(pair.b) == 0) continue;
        at_baseline.push_back(*l2);
        at_baseline_series.push_back(series);
      }
    }
    report.noise[signal] = {Mean(all), Mean(at_baseline), MeanSeries(all_series),
                            MeanSeries(at_baseline_series)};
  }
}

void JudgeVariants(ExperimentReport& report) {
  for (WithinHardware& within : report.within_hardware) JudgePairs(report.noise, within.pairs);
  for (CrossHardwareDetectability& cross : report.cross_hardware)
    JudgePairs(report.noise, cross.pairs);
}

}  // namespace forensics::analyzer
