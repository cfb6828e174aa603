#include "analyzer/analysis/experiment_analysis.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/analysis/gaps.h"
#include "analyzer/analysis/hardware.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/statistics/holm.h"

namespace forensics::analyzer {
namespace {

std::optional<double> Mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return Summarize(values).mean;
}

bool SameValue(const Configuration& a, const Configuration& b) {
  return a.variable_value.index() == b.variable_value.index()
             ? a.variable_value == b.variable_value
             : a.variable_value.index() != 4 && b.variable_value.index() != 4 &&
                   ScalarText(a.variable_value) == ScalarText(b.variable_value);
}

// What the signals of both were computed in; float32, unless both say otherwise.
NumberFormat CommonFormat(const Configuration& a, const Configuration& b) {
  const auto is_bfloat16 = [](const Configuration& configuration) {
    const auto dtype = configuration.circumstances.find("dtype");
    return dtype != configuration.circumstances.end() && dtype->second == "bfloat16";
  };
  return is_bfloat16(a) && is_bfloat16(b) ? NumberFormat::kBfloat16 : NumberFormat::kFloat32;
}

class Analysis {
 public:
  Analysis(Experiment experiment, const StatisticsOptions& statistics) {
    report_.experiment = std::move(experiment);
    report_.statistics = statistics;
  }

  ExperimentReport Run();

 private:
  void CheckRuns();
  void TimeRuns();
  std::vector<ComparedRun> ComparedRuns() const;
  void ComparePairs();
  ConfigurationPair ComparePair(const Configuration& a, const Configuration& b);
  void NoteRepeatedBaselines();
  void NoteContexts(const ConfigurationPair& pair);
  std::vector<ConfigurationPair> Variants(const HardwareGroup& group,
                                          const Configuration& baseline);
  void ComputeNoise();
  void MeasureUncertainty();
  void MeasurePair(ConfigurationPair& pair, bool against_noise) const;
  void JudgePairs(std::vector<ConfigurationPair>& pairs);
  void Summarise();

  const Reproducibility& Repetitions(const Configuration& configuration) const;

  ExperimentReport report_;
  std::set<SignalId> signals_;
  std::vector<HardwareGroup> groups_;
};

ExperimentReport Analysis::Run() {
  const Experiment& experiment = report_.experiment;
  signals_ = SignalsOf(experiment);
  report_.headline = HeadlineSignal(experiment);
  groups_ = GroupByHardware(experiment);
  CheckRuns();
  NoteRepeatedBaselines();
  report_.confounding = Confounding(experiment.variable, groups_);
  TimeRuns();
  ComparePairs();
  report_.identity_classes = FindIdentityClasses(ComparedRuns(), signals_);
  ComputeNoise();
  for (WithinHardware& within : report_.within_hardware) JudgePairs(within.pairs);
  for (CrossHardwareDetectability& cross : report_.cross_hardware) JudgePairs(cross.pairs);
  MeasureUncertainty();
  Summarise();
  for (RunRecord& run : report_.experiment.runs) run.ReleaseSignals();
  return std::move(report_);
}

void Analysis::CheckRuns() {
  const Experiment& experiment = report_.experiment;
  for (const Configuration& configuration : experiment.configurations) {
    Reproducibility checked = CheckReproducibility(experiment, configuration, report_.headline);
    if (checked.flagged()) {
      report_.findings.push_back(absl::StrCat(configuration.config_id, ": ",
                                              checked.reproducible == std::optional<bool>(false)
                                                  ? checked.note
                                                  : "marked as not reproducible"));
    }
    if (checked.compared_run == nullptr) {
      report_.gaps.push_back(
          absl::StrCat(configuration.config_id, ": no repetition with signals (decode_steps)"));
    } else {
      std::vector<std::string> missing = MissingInRun(experiment, *checked.compared_run);
      std::move(missing.begin(), missing.end(), std::back_inserter(report_.gaps));
    }
    report_.reproducibility.push_back(std::move(checked));
  }
  for (const HardwareGroup& group : groups_) {
    if (!group.baseline_is_substitute) continue;
    report_.findings.push_back(absl::StrCat(
        group.name, ": no configuration with experiment 0's value of ", experiment.variable, "; ",
        group.baseline->config_id, " serves as the baseline"));
  }
  // What is not reproducible stands first.
  for (const std::vector<std::string>& odd : {OddRuns(experiment), experiment.findings}) {
    report_.findings.insert(report_.findings.end(), odd.begin(), odd.end());
  }
}

void Analysis::TimeRuns() {
  for (const HardwareGroup& group : groups_) {
    report_.run_times[group.name] =
        RunTimes(report_.experiment, group, report_.statistics.resampling.level);
  }
  report_.warm_up = FindWarmUp(report_.run_times);
  if (!report_.warm_up.has_value() || !report_.warm_up->is_systematic()) return;
  const WarmUp& warm_up = *report_.warm_up;
  report_.findings.push_back(absl::StrFormat(
      "run times: the first repetition is the slowest of %d of %d configurations (by chance: "
      "p = %.2g), on average %.3f times the others: it warms up",
      warm_up.first_slowest, warm_up.configurations, warm_up.p_value,
      warm_up.mean_first_over_others));
}

const Reproducibility& Analysis::Repetitions(const Configuration& configuration) const {
  return *std::find_if(report_.reproducibility.begin(), report_.reproducibility.end(),
                       [&](const Reproducibility& repetitions) {
                         return repetitions.config_id == configuration.config_id;
                       });
}

std::vector<ComparedRun> Analysis::ComparedRuns() const {
  std::vector<ComparedRun> runs;
  for (const HardwareGroup& group : groups_) {
    for (const Configuration* configuration : group.configurations) {
      runs.push_back({configuration, Repetitions(*configuration).compared_run});
    }
  }
  return runs;
}

ConfigurationPair Analysis::ComparePair(const Configuration& a, const Configuration& b) {
  ConfigurationPair pair;
  pair.a = &a;
  pair.b = &b;
  pair.value = ScalarText(b.variable_value);
  if (a.hardware == b.hardware) {
    pair.other_differences = OtherDifferences(report_.experiment.variable, a, b);
  }
  for (const Configuration* configuration : {&a, &b}) {
    if (Repetitions(*configuration).flagged()) {
      pair.not_reproducible.push_back(configuration->config_id);
    }
  }
  const RunRecord* run_a = Repetitions(a).compared_run;
  const RunRecord* run_b = Repetitions(b).compared_run;
  if (run_a == nullptr || run_b == nullptr) return pair;
  pair.comparison = CompareRuns(*run_a, *run_b, signals_, FedBySameReference(a, *run_a, b, *run_b),
                                CommonFormat(a, b));
  NoteContexts(pair);
  return pair;
}

void Analysis::NoteContexts(const ConfigurationPair& pair) {
  const Contexts& contexts = pair.comparison->contexts;
  const std::string name = absl::StrCat(pair.a->config_id, " and ", pair.b->config_id);
  if (!contexts.same_prompt) {
    report_.findings.push_back(absl::StrCat(name, ": other prompts; no step is comparable"));
  }
  if (contexts.first_fed_difference.has_value() && contexts.steps_left_out > 0) {
    report_.findings.push_back(
        absl::StrFormat("%s: other tokens were fed after step %d; %d later steps are left out",
                        name, *contexts.first_fed_difference, contexts.steps_left_out));
  }
  if (contexts.first_unknown_token.has_value() && contexts.steps_left_out > 0) {
    report_.findings.push_back(absl::StrFormat(
        "%s: the token fed after step %d is not known in both; %d later steps are left out", name,
        *contexts.first_unknown_token, contexts.steps_left_out));
  }
  const std::pair<const Configuration*, const std::vector<int64_t>*> missing[] = {
      {pair.a, &contexts.missing_in_a}, {pair.b, &contexts.missing_in_b}};
  for (const auto& [configuration, steps] : missing) {
    if (steps->empty()) continue;
    report_.gaps.push_back(absl::StrFormat("%s: %d steps are missing in %s, first step %d", name,
                                           steps->size(), configuration->config_id,
                                           steps->front()));
  }
}

std::vector<ConfigurationPair> Analysis::Variants(const HardwareGroup& group,
                                                  const Configuration& baseline) {
  std::vector<ConfigurationPair> pairs;
  for (const Configuration* configuration : group.configurations) {
    if (configuration == group.baseline || SameValue(*configuration, *group.baseline)) continue;
    pairs.push_back(ComparePair(baseline, *configuration));
  }
  return pairs;
}

// A second configuration with the baseline's value is no variant of it.
void Analysis::NoteRepeatedBaselines() {
  for (const HardwareGroup& group : groups_) {
    for (const Configuration* configuration : group.configurations) {
      if (configuration == group.baseline || !SameValue(*configuration, *group.baseline)) continue;
      report_.findings.push_back(absl::StrCat(configuration->config_id, ": the same value as ",
                                              group.baseline->config_id, " on ", group.name,
                                              ": not compared with it"));
    }
  }
}

void Analysis::ComparePairs() {
  for (auto a = groups_.begin(); a != groups_.end(); ++a) {
    report_.within_hardware.push_back({a->name, a->baseline, Variants(*a, *a->baseline)});
    for (auto b = std::next(a); b != groups_.end(); ++b) {
      CrossHardwareBaseline cross{a->name, b->name, {}};
      for (const Configuration* configuration : a->configurations) {
        const auto match = std::find_if(
            b->configurations.begin(), b->configurations.end(),
            [&](const Configuration* other) { return SameValue(*configuration, *other); });
        if (match == b->configurations.end()) continue;
        cross.pairs.push_back(ComparePair(*configuration, **match));
      }
      report_.cross_hardware_baseline.push_back(std::move(cross));
    }
    for (const HardwareGroup& b : groups_) {
      if (&b == &*a) continue;
      report_.cross_hardware.push_back({a->name, b.name, Variants(*a, *b.baseline)});
    }
  }
}

void Analysis::ComputeNoise() {
  std::set<const Configuration*> baselines;
  for (const HardwareGroup& group : groups_) baselines.insert(group.baseline);
  for (const SignalId& signal : signals_) {
    std::vector<double> all, at_baseline;
    std::vector<PositionSeries> all_series, at_baseline_series;
    for (const CrossHardwareBaseline& cross : report_.cross_hardware_baseline) {
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
    report_.noise[signal] = {Mean(all), Mean(at_baseline), MeanSeries(all_series),
                             MeanSeries(at_baseline_series)};
  }
}

void Analysis::MeasureUncertainty() {
  // Resampling takes as long as reading: the pairs are shared among cores.
  std::vector<std::function<void()>> tasks;
  const auto add = [&](std::vector<ConfigurationPair>& pairs, bool against_noise) {
    for (ConfigurationPair& pair : pairs) {
      if (!pair.comparison.has_value()) continue;
      tasks.push_back([this, &pair, against_noise] { MeasurePair(pair, against_noise); });
    }
  };
  for (CrossHardwareBaseline& cross : report_.cross_hardware_baseline) add(cross.pairs, false);
  for (CrossHardwareDetectability& cross : report_.cross_hardware) add(cross.pairs, false);
  for (WithinHardware& within : report_.within_hardware) add(within.pairs, true);
  RunOnAllCores(tasks);
}

void Analysis::MeasurePair(ConfigurationPair& pair, bool against_noise) const {
  for (const auto& [signal, comparison] : pair.comparison->signals) {
    const PositionSeries series = SeriesOf(comparison);
    SignalUncertainty& uncertainty = pair.uncertainty[signal];
    uncertainty.mean_l2 = MeanIntervals(series, report_.statistics);
    if (!against_noise) continue;
    const Noise& noise = report_.noise.at(signal);
    uncertainty.by_mean = CompareWithNoise(series, noise.mean_by_position, report_.statistics);
    uncertainty.by_baseline =
        CompareWithNoise(series, noise.at_baseline_by_position, report_.statistics);
  }
}

void Analysis::JudgePairs(std::vector<ConfigurationPair>& pairs) {
  for (ConfigurationPair& pair : pairs) {
    for (const SignalId& signal : signals_) {
      const std::optional<double> l2 = pair.MeanL2(signal);
      const Noise& noise = report_.noise[signal];
      pair.verdicts[signal] = {Judge(l2, noise.mean), Judge(l2, noise.at_baseline)};
    }
  }
}

void Analysis::Summarise() {
  SummaryRow& row = report_.summary;
  std::vector<double> distances;
  for (const WithinHardware& within : report_.within_hardware) {
    for (const ConfigurationPair& pair : within.pairs) {
      const std::optional<double> l2 = pair.MeanL2(report_.headline);
      if (!l2.has_value()) continue;
      distances.push_back(*l2);
      if (row.largest == nullptr || *l2 > *row.largest->MeanL2(report_.headline)) {
        row.largest = &pair;
      }
    }
  }
  const Noise& noise = report_.noise[report_.headline];
  row.baseline_l2 = noise.mean;
  row.baseline_l2_at_baseline_value = noise.at_baseline;
  row.signal_l2 = Summarize(distances);
  if (distances.empty()) return;
  row.by_mean = Judge(row.signal_l2.max, noise.mean);
  row.by_baseline = Judge(row.signal_l2.max, noise.at_baseline);
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

std::optional<double> ConfigurationPair::MeanL2(const SignalId& signal) const {
  if (!comparison.has_value()) return std::nullopt;
  const auto found = comparison->signals.find(signal);
  if (found == comparison->signals.end() || found->second.l2.n == 0) return std::nullopt;
  return found->second.l2.mean;
}

ExperimentReport Analyze(Experiment experiment, const StatisticsOptions& statistics) {
  return Analysis(std::move(experiment), statistics).Run();
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
