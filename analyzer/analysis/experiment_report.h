// Every figure of an experiment's report, none of its looks.
#ifndef ANALYZER_ANALYSIS_EXPERIMENT_REPORT_H_
#define ANALYZER_ANALYSIS_EXPERIMENT_REPORT_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/analysis/confounding.h"
#include "analyzer/analysis/detectability.h"
#include "analyzer/analysis/run_time.h"
#include "analyzer/analysis/uncertainty.h"
#include "analyzer/attribution/leave_one_out.h"
#include "analyzer/comparison/identity_classes.h"
#include "analyzer/comparison/reproducibility.h"
#include "analyzer/comparison/run_comparison.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// What a change of hardware alone does to a signal: mean L2 of the same configuration on two
// hardware, averaged over pairs of hardware and values. None if no such pair has a distance.
struct Noise {
  std::optional<double> mean;         // over all values of the variable: the plan's noise
  std::optional<double> at_baseline;  // at the baseline value alone
  // The same, position by position.
  PositionSeries mean_by_position;
  PositionSeries at_baseline_by_position;
};

struct SignalVerdict {
  Verdict by_mean;      // against Noise::mean
  Verdict by_baseline;  // against Noise::at_baseline

  // One odd variant can inflate the mean: then the two noises disagree.
  bool classes_differ() const {
    return by_baseline.detectability != Detectability::kUndefined &&
           by_mean.detectability != by_baseline.detectability;
  }
};

// Two configurations, compared by their lowest stored repetitions.
struct ConfigurationPair {
  const Configuration* a = nullptr;  // the baseline, or the first hardware's
  const Configuration* b = nullptr;  // the variant, or the second hardware's
  std::string value;                 // of the variable, as a key: b's
  // None if either has no stored repetition.
  std::optional<RunComparison> comparison;
  std::map<SignalId, SignalVerdict> verdicts;  // empty for pairs that make up the noise
  // With a comparison with the noise for pairs within a hardware.
  std::map<SignalId, SignalUncertainty> uncertainty;
  std::vector<std::string> not_reproducible;       // config_ids of a and b that are flagged
  std::vector<OtherDifference> other_differences;  // on the same hardware

  // Mean L2 of a signal, none where nothing could be compared.
  std::optional<double> MeanL2(const SignalId& signal) const;
  bool identical() const { return comparison.has_value() && comparison->identical(); }
};

// The same value on two hardware, for each value that both have; a GPU and its own emulation are
// one (IsOwnEmulation).
struct CrossHardwareBaseline {
  std::string hardware_a;
  std::string hardware_b;
  std::vector<ConfigurationPair> pairs;
};

// Each value but the baseline's, against the baseline value on the same hardware.
struct WithinHardware {
  std::string hardware;
  const Configuration* baseline = nullptr;
  std::vector<ConfigurationPair> pairs;
};

// Each value but the baseline's on one hardware, against the baseline value on another.
struct CrossHardwareDetectability {
  std::string variant_hardware;
  std::string baseline_hardware;
  std::vector<ConfigurationPair> pairs;
};

// One row of the summary, of the headline signal.
struct SummaryRow {
  std::optional<double> baseline_l2;           // Noise::mean
  DistanceSummary signal_l2;                   // of the mean L2s over hardware and values
  const ConfigurationPair* largest = nullptr;  // the pair of the largest; null if there is none
  Verdict by_mean;                             // of the largest
  std::optional<double> baseline_l2_at_baseline_value;
  Verdict by_baseline;
  bool identical = false;  // there are variants, and each has its baseline's bits in all signals
};

struct ExperimentReport {
  std::string name;       // the experiment's type; of another report of that type, with its file
  Experiment experiment;  // what the pointers here point into; its signals are let go
  StatisticsOptions statistics;
  SignalId headline;
  std::vector<Reproducibility> reproducibility;  // as the configurations are listed
  std::vector<CrossHardwareBaseline> cross_hardware_baseline;
  std::vector<WithinHardware> within_hardware;
  std::vector<CrossHardwareDetectability> cross_hardware;
  std::map<SignalId, Noise> noise;
  std::map<SignalId, PhaseClasses> identity_classes;
  LeaveOneOut leave_one_out;  // each configuration attributed by the others
  std::map<std::string, std::vector<RunTime>> run_times;  // by hardware
  std::optional<WarmUp> warm_up;
  SummaryRow summary;
  std::vector<std::string> gaps;         // what is missing
  std::vector<std::string> findings;     // what is odd
  std::vector<std::string> confounding;  // what differs beside the variable
  // Messages of the files that were to be in the report and are not; Analyze knows of none.
  std::vector<std::string> unread_files;

  std::vector<const ConfigurationPair*> PairsWithin() const;
  // Those that make up the noise.
  std::vector<const ConfigurationPair*> PairsAcross() const;

  // That of a configuration in `reproducibility`, by config_id.
  const Reproducibility& RepetitionsOf(const Configuration& configuration) const;

  ExperimentReport() = default;
  ExperimentReport(ExperimentReport&&) = default;  // vectors keep their elements' addresses
  ExperimentReport& operator=(ExperimentReport&&) = default;
};

// Sets names: the first of a type keeps it, the others have the file's path behind it.
void NameApart(std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_EXPERIMENT_REPORT_H_
