#include "analyzer/report/tidy_table.h"

#include <optional>

#include "absl/strings/str_join.h"
#include "analyzer/reading/number_text.h"
#include "analyzer/report/named_pairs.h"

namespace forensics::analyzer {
namespace {

using Cells = std::vector<std::string>;

Cells SignalCells(const ConfigurationPair& pair, const SignalId& signal) {
  DistanceSummary l2;
  if (pair.comparison.has_value()) l2 = pair.comparison->signals.at(signal).l2;
  Cells cells = Joined({SignalName(signal), WholeCell(l2.n)}, DistanceCells(l2));
  const auto verdict = pair.verdicts.find(signal);
  if (verdict == pair.verdicts.end()) return Joined(cells, {"", ""});
  const Verdict& by_mean = verdict->second.by_mean;
  return Joined(cells, {NumberCell(by_mean.snr), DetectabilityName(by_mean.detectability)});
}

Cells PhaseCells(Phase phase, const PhaseStatistics& statistics) {
  const BitChanges& bits = statistics.bits;
  const UlpStatistics& ulps = statistics.ulps;
  Cells cells = {PhaseName(phase), WholeCell(statistics.l2.n)};
  cells = Joined(cells, DistanceCells(statistics.l2));
  cells = Joined(cells, DistanceCells(statistics.relative_l2));
  cells = Joined(cells, DistanceCells(statistics.cosine));
  return Joined(cells, {NumberText(statistics.largest_absolute), NumberFormatName(ulps.format),
                        WholeCell(ulps.largest), NumberText(ulps.mean),
                        absl::StrJoin(ulps.FilledBins(), ","), WholeCell(bits.elements),
                        WholeCell(bits.changed), NumberText(bits.share_changed().value_or(0)),
                        WholeCell(bits.sign), WholeCell(bits.exponent), WholeCell(bits.mantissa)});
}

// The comparison with the noise is over all phases.
Cells UncertaintyCells(Phase phase, const SignalUncertainty& uncertainty) {
  const Cells interval = IntervalCells(uncertainty.mean_l2[static_cast<size_t>(phase)]);
  const std::optional<NoiseComparison>& against = uncertainty.by_mean;
  if (phase != Phase::kAll || !against.has_value()) return Joined(interval, Cells(7));
  Cells cells = Joined(interval, {NumberCell(against->snr)});
  cells = Joined(cells, IntervalCells(against->snr_interval));
  return Joined(cells, {NumberCell(against->p_value), NumberCell(against->p_holm),
                        NumberCell(against->roc.auc), WholeCell(against->tokens_needed)});
}

}  // namespace

Cells DistanceCells(const DistanceSummary& summary) {
  if (summary.n == 0) return {"", "", ""};
  return {NumberText(summary.mean), NumberText(summary.min), NumberText(summary.max)};
}

Cells IntervalCells(const std::optional<Interval>& interval) {
  if (!interval.has_value()) return {"", ""};
  return {NumberText(interval->low), NumberText(interval->high)};
}

std::string TidyTable(const std::vector<ExperimentReport>& reports) {
  Table table(Separator::kTab);
  for (const ExperimentReport& report : reports) {
    ForEachPair(report, [&](const ConfigurationPair& pair, const Cells& names) {
      for (const auto& [signal, noise] : report.noise) {
        table.Add(Joined(names, SignalCells(pair, signal)));
      }
    });
  }
  return table.text();
}

std::string PhaseTable(const std::vector<ExperimentReport>& reports, Separator separator) {
  Table table(separator, Joined(PairColumns(), {"signal",
                                                "phase",
                                                "positions",
                                                "l2_mean",
                                                "l2_min",
                                                "l2_max",
                                                "relative_l2_mean",
                                                "relative_l2_min",
                                                "relative_l2_max",
                                                "cosine_mean",
                                                "cosine_min",
                                                "cosine_max",
                                                "largest_absolute",
                                                "number_format",
                                                "largest_ulps",
                                                "mean_ulps",
                                                "ulp_histogram",
                                                "elements",
                                                "elements_changed",
                                                "share_changed",
                                                "sign_changed",
                                                "exponent_changed",
                                                "mantissa_changed",
                                                "l2_low",
                                                "l2_high",
                                                "snr",
                                                "snr_low",
                                                "snr_high",
                                                "p_value",
                                                "p_holm",
                                                "auc",
                                                "tokens_needed"}));
  for (const ExperimentReport& report : reports) {
    ForEachPair(report, [&](const ConfigurationPair& pair, const Cells& names) {
      if (!pair.comparison.has_value()) return;
      for (const auto& [id, signal] : pair.comparison->signals) {
        for (const Phase phase : kPhases) {
          if (signal.in(phase).l2.n == 0) continue;
          const Cells cells = Joined(PhaseCells(phase, signal.in(phase)),
                                     UncertaintyCells(phase, pair.uncertainty.at(id)));
          table.Add(Joined(Joined(names, {SignalName(id)}), cells));
        }
      }
    });
  }
  return table.text();
}

}  // namespace forensics::analyzer
