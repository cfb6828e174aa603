#include "analyzer/analysis/experiment_analysis.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/analysis/gaps.h"
#include "analyzer/analysis/hardware.h"
#include "analyzer/analysis/noise.h"
#include "analyzer/analysis/pairing.h"
#include "analyzer/analysis/significance.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

class Analysis {
 public:
  Analysis(Experiment experiment, const StatisticsOptions& statistics) {
    report_.experiment = std::move(experiment);
    report_.name = report_.experiment.type;
    report_.statistics = statistics;
  }

  ExperimentReport Run();

 private:
  void CheckRuns();
  void TimeRuns();
  std::vector<ComparedRun> ComparedRuns() const;
  LeaveOneOut AttributeEach() const;
  void Summarise();
  void ReleaseSignals();

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
  NoteOddValues(groups_, report_);
  report_.confounding = Confounding(experiment.variable, groups_);
  TimeRuns();
  ComparePairs(groups_, signals_, report_);
  report_.identity_classes = FindIdentityClasses(ComparedRuns(), signals_);
  report_.leave_one_out = AttributeEach();
  MeasureNoise(groups_, signals_, report_);
  JudgeVariants(report_);
  // The signals are not needed any more. Giving them back is work for one core: two would wait for
  // each other in the allocator.
  RunOnAllCores({[this] { ReleaseSignals(); }, [this] { MeasureUncertainty(report_); }});
  Summarise();
  return std::move(report_);
}

void Analysis::CheckRuns() {
  const Experiment& experiment = report_.experiment;
  std::vector<Reproducibility>& reproducibility = report_.reproducibility;
  reproducibility.resize(experiment.configurations.size());
  std::vector<std::function<void()>> tasks;
  for (size_t i = 0; i < reproducibility.size(); ++i) {
    tasks.push_back([&, i] {
      reproducibility[i] =
          CheckReproducibility(experiment, experiment.configurations[i], report_.headline);
    });
  }
  RunOnAllCores(tasks);
  for (size_t i = 0; i < reproducibility.size(); ++i) {
    const Configuration& configuration = experiment.configurations[i];
    const Reproducibility& checked = reproducibility[i];
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
  }
  for (const HardwareGroup& group : groups_) {
    if (!group.baseline_is_substitute) continue;
    report_.findings.push_back(absl::StrCat(
        group.name, ": no configuration with experiment 0's value of ", experiment.variable, "; ",
        group.baseline->config_id, " serves as the baseline"));
  }
  // What is not reproducible stands first.
  for (const std::vector<std::string>& odd :
       {SharedNames(experiment), OddRuns(experiment), experiment.findings}) {
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

std::vector<ComparedRun> Analysis::ComparedRuns() const {
  std::vector<ComparedRun> runs;
  for (const HardwareGroup& group : groups_) {
    for (const Configuration* configuration : group.configurations) {
      runs.push_back({configuration, report_.RepetitionsOf(*configuration).compared_run});
    }
  }
  return runs;
}

LeaveOneOut Analysis::AttributeEach() const {
  std::vector<ComparedRun> runs;
  std::vector<Labels> labels;
  const std::map<std::string, std::string> hardware = ArithmeticNames(report_.experiment);
  for (const HardwareGroup& group : groups_) {
    for (const Configuration* configuration : group.configurations) {
      const RunRecord* run = report_.RepetitionsOf(*configuration).compared_run;
      if (run == nullptr) continue;
      runs.push_back({configuration, run});
      labels.push_back(
          {ScalarText(configuration->variable_value), hardware.at(configuration->hardware)});
    }
  }
  return LeaveEachOut(runs, labels);
}

void Analysis::Summarise() {
  SummaryRow& row = report_.summary;
  std::vector<double> distances;
  size_t variants = 0, identical = 0;
  for (const WithinHardware& within : report_.within_hardware) {
    for (const ConfigurationPair& pair : within.pairs) {
      ++variants;
      identical += pair.identical();
      const std::optional<double> l2 = pair.MeanL2(report_.headline);
      if (!l2.has_value()) continue;
      distances.push_back(*l2);
      if (row.largest == nullptr || *l2 > *row.largest->MeanL2(report_.headline)) {
        row.largest = &pair;
      }
    }
  }
  row.identical = variants > 0 && identical == variants;
  const Noise& noise = report_.noise[report_.headline];
  row.baseline_l2 = noise.mean;
  row.baseline_l2_at_baseline_value = noise.at_baseline;
  row.signal_l2 = Summarize(distances);
  if (distances.empty()) return;
  row.by_mean = Judge(row.signal_l2.max, noise.mean);
  row.by_baseline = Judge(row.signal_l2.max, noise.at_baseline);
}

void Analysis::ReleaseSignals() {
  for (RunRecord& run : report_.experiment.runs) run.ReleaseSignals();
}

}  // namespace

ExperimentReport Analyze(Experiment experiment, const StatisticsOptions& statistics) {
  return Analysis(std::move(experiment), statistics).Run();
}

}  // namespace forensics::analyzer
