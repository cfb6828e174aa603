#include "analyzer/report/experiment_tables.h"

#include "absl/strings/str_cat.h"
#include "analyzer/analysis/caveats.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/report/named_pairs.h"
#include "analyzer/report/table.h"
#include "analyzer/report/tidy_table.h"

namespace forensics::analyzer {
namespace {

using Cells = std::vector<std::string>;

std::string OverlapCell(const Configuration& configuration, const char* figure) {
  const auto found = configuration.overlap.find(figure);
  return found == configuration.overlap.end() ? "" : ScalarText(found->second);
}

Cells RunTimeCells(const RunTime& time) {
  const Cells figures = {NumberCell(time.mean_seconds), NumberCell(time.variance),
                         WholeCell(time.repetitions), NumberCell(time.slowdown)};
  return Joined(
      Joined(figures, IntervalCells(time.slowdown_interval)),
      {time.interval_reason, NumberCell(time.slower_p_value), NumberCell(time.slower_p_holm),
       NumberCell(time.first_over_others), OverlapCell(*time.configuration, "overlap_share"),
       OverlapCell(*time.configuration, "utilisation")});
}

Cells LargestCells(const ExperimentReport& report) {
  const ConfigurationPair* largest = report.summary.largest;
  if (largest == nullptr) return Cells(4);
  const NoiseComparison none;
  const NoiseComparison& against = largest->uncertainty.at(report.headline).by_mean.value_or(none);
  return Joined(Joined({largest->b->config_id}, IntervalCells(against.snr_interval)),
                {NumberCell(against.p_holm)});
}

}  // namespace

std::string SummaryRows(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab,
              {"experiment", "variable", "file", "signal", "baseline_l2", "mean_signal_l2",
               "min_signal_l2", "max_signal_l2", "snr", "detectability",
               "baseline_l2_at_baseline_value", "snr_at_baseline_value",
               "detectability_at_baseline_value", "config_id", "snr_low", "snr_high", "p_holm"});
  for (const ExperimentReport& report : reports) {
    const SummaryRow& row = report.summary;
    Cells cells = {report.name, report.experiment.variable, report.experiment.path,
                   SignalName(report.headline), NumberCell(row.baseline_l2)};
    cells = Joined(cells, DistanceCells(row.signal_l2));
    cells = Joined(cells,
                   {NumberCell(row.by_mean.snr), DetectabilityName(row.by_mean.detectability),
                    NumberCell(row.baseline_l2_at_baseline_value), NumberCell(row.by_baseline.snr),
                    DetectabilityName(row.by_baseline.detectability)});
    table.Add(Joined(cells, LargestCells(report)));
  }
  return table.text();
}

std::string NoiseTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab, {"experiment", "signal", "mean", "at_baseline_value"});
  for (const ExperimentReport& report : reports) {
    for (const auto& [signal, noise] : report.noise) {
      table.Add(
          {report.name, SignalName(signal), NumberCell(noise.mean), NumberCell(noise.at_baseline)});
    }
  }
  return table.text();
}

std::string ReproducibilityTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab,
              {"experiment", "config_id", "repetitions", "stored_repetitions", "reproducible",
               "declared_reproducible", "l2_mean", "l2_min", "l2_max", "note"});
  for (const ExperimentReport& report : reports) {
    for (const Reproducibility& checked : report.reproducibility) {
      std::vector<double> distances;
      for (const RepetitionPair& pair : checked.pairs) {
        if (pair.l2.has_value()) distances.push_back(*pair.l2);
      }
      Cells cells = {report.name,
                     checked.config_id,
                     WholeCell(checked.repetitions),
                     WholeCell(checked.stored_repetitions),
                     TruthCell(checked.reproducible),
                     TruthCell(checked.declared)};
      cells = Joined(cells, DistanceCells(Summarize(distances)));
      table.Add(Joined(cells, {checked.note}));
    }
  }
  return table.text();
}

std::string IdentityTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab,
              {"experiment", "signal", "phase", "class", "config_id", "parted_at"});
  for (const ExperimentReport& report : reports) {
    for (const auto& [signal, phases] : report.identity_classes) {
      for (const Phase phase : kPhases) {
        const Cells names = {report.name, SignalName(signal), PhaseName(phase)};
        const IdentityClasses& found = phases[static_cast<size_t>(phase)];
        for (size_t i = 0; i < found.classes.size(); ++i) {
          for (const Configuration* member : found.classes[i]) {
            table.Add(
                Joined(names, {absl::StrCat(i), member->config_id, WholeCell(found.parted_at[i])}));
          }
        }
        for (const Configuration* lacking : found.not_stored) {
          table.Add(Joined(names, {"", lacking->config_id, ""}));
        }
      }
    }
  }
  return table.text();
}

std::string RunTimeTable(const std::vector<ExperimentReport>& reports) {
  Table table(
      Separator::kTab,
      {"experiment", "hardware", "config_id", "value", "mean_seconds", "variance", "repetitions",
       "slowdown", "slowdown_low", "slowdown_high", "interval_reason", "slower_p_value",
       "slower_p_holm", "first_over_others", "overlap_share", "utilisation"});
  for (const ExperimentReport& report : reports) {
    for (const auto& [hardware, times] : report.run_times) {
      for (const RunTime& time : times) {
        const Cells names = {report.name, hardware, time.configuration->config_id,
                             ScalarText(time.configuration->variable_value)};
        table.Add(Joined(names, RunTimeCells(time)));
      }
    }
  }
  return table.text();
}

std::string WarmUpTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab, {"experiment", "configurations", "first_slowest", "p_value",
                                "mean_first_over_others", "systematic"});
  for (const ExperimentReport& report : reports) {
    if (!report.warm_up.has_value()) continue;
    const WarmUp& warm_up = *report.warm_up;
    table.Add({report.name, WholeCell(warm_up.configurations), WholeCell(warm_up.first_slowest),
               NumberCell(warm_up.p_value), NumberCell(warm_up.mean_first_over_others),
               TruthCell(warm_up.is_systematic())});
  }
  return table.text();
}

std::string RemarkTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab, {"experiment", "list", "text"});
  for (const ExperimentReport& report : reports) {
    const std::string& name = report.name;
    for (const Caveat& caveat : Caveats(report)) table.Add({name, "caveats", caveat.text});
    for (const std::string& line : report.confounding) table.Add({name, "confounding", line});
    for (const std::string& line : report.gaps) table.Add({name, "gaps", line});
    for (const std::string& line : report.findings) table.Add({name, "findings", line});
  }
  return table.text();
}

}  // namespace forensics::analyzer
