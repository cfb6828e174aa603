#include "analyzer/analysis/significance.h"

#include <functional>
#include <map>

#include "analyzer/parallel/parallel.h"
#include "analyzer/statistics/holm.h"

namespace forensics::analyzer {
namespace {

void MeasurePair(const ExperimentReport& report, bool against_noise, ConfigurationPair& pair) {
  for (const auto& [signal, comparison] : pair.comparison->signals) {
    const PositionSeries series = SeriesOf(comparison);
    SignalUncertainty& uncertainty = pair.uncertainty[signal];
    uncertainty.mean_l2 = MeanIntervals(series, report.statistics);
    if (!against_noise) continue;
    const Noise& noise = report.noise.at(signal);
    uncertainty.by_mean = CompareWithNoise(series, noise.mean_by_position, report.statistics);
    uncertainty.by_baseline =
        CompareWithNoise(series, noise.at_baseline_by_position, report.statistics);
  }
}

void AdjustRunTimes(std::vector<ExperimentReport>& reports) {
  std::vector<RunTime*> tests;
  std::vector<double> p_values;
  for (ExperimentReport& report : reports) {
    for (auto& [hardware, times] : report.run_times) {
      for (RunTime& time : times) {
        if (!time.slower_p_value.has_value()) continue;
        tests.push_back(&time);
        p_values.push_back(*time.slower_p_value);
      }
    }
  }
  const std::vector<double> adjusted = HolmAdjusted(p_values);
  for (size_t i = 0; i < tests.size(); ++i) tests[i]->slower_p_holm = adjusted[i];
}

}  // namespace

void MeasureUncertainty(ExperimentReport& report) {
  // Resampling takes as long as reading: the pairs are shared among cores.
  std::vector<std::function<void()>> tasks;
  const auto add = [&](std::vector<ConfigurationPair>& pairs, bool against_noise) {
    for (ConfigurationPair& pair : pairs) {
      if (!pair.comparison.has_value()) continue;
      tasks.push_back(
          [&report, &pair, against_noise] { MeasurePair(report, against_noise, pair); });
    }
  };
  for (CrossHardwareBaseline& cross : report.cross_hardware_baseline) add(cross.pairs, false);
  for (CrossHardwareDetectability& cross : report.cross_hardware) add(cross.pairs, false);
  for (WithinHardware& within : report.within_hardware) add(within.pairs, true);
  RunOnAllCores(tasks);
}

void AdjustAcrossExperiments(std::vector<ExperimentReport>& reports) {
  AdjustRunTimes(reports);
  for (const auto member : {&SignalUncertainty::by_mean, &SignalUncertainty::by_baseline}) {
    std::map<SignalId, std::vector<NoiseComparison*>> tests;
    for (ExperimentReport& report : reports) {
      for (WithinHardware& within : report.within_hardware) {
        for (ConfigurationPair& pair : within.pairs) {
          for (auto& [signal, uncertainty] : pair.uncertainty) {
            std::optional<NoiseComparison>& test = uncertainty.*member;
            if (test.has_value() && test->p_value.has_value()) tests[signal].push_back(&*test);
          }
        }
      }
    }
    for (const auto& [signal, comparisons] : tests) {
      std::vector<double> p_values;
      for (const NoiseComparison* test : comparisons) p_values.push_back(*test->p_value);
      const std::vector<double> adjusted = HolmAdjusted(p_values);
      for (size_t i = 0; i < adjusted.size(); ++i) comparisons[i]->p_holm = adjusted[i];
    }
  }
}

}  // namespace forensics::analyzer
