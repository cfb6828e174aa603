#include "analyzer/report/tidy_table.h"

#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "analyzer/reading/number_text.h"

namespace forensics::analyzer {
namespace {

constexpr char kPhaseHeading[] =
    "experiment\tkind\thardware\tconfig_a\tconfig_b\tvalue\tsignal\tphase\tpositions\t"
    "l2_mean\tl2_min\tl2_max\trelative_l2_mean\trelative_l2_min\trelative_l2_max\tcosine_mean\t"
    "cosine_min\tcosine_max\tlargest_absolute\tnumber_format\tlargest_ulps\tmean_ulps\t"
    "ulp_histogram\telements\telements_changed\tshare_changed\tsign_changed\texponent_changed\t"
    "mantissa_changed\tl2_low\tl2_high\tsnr\tsnr_low\tsnr_high\tp_value\tp_holm\tauc\t"
    "tokens_needed\n";

// Text without what separates fields and lines.
std::string Cell(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\t", " "}, {"\n", " "}, {"\r", " "}});
}

// Calls `use` with each pair of a report and the cells that name it, up to its value.
void ForEachPair(const ExperimentReport& report,
                 const std::function<void(const ConfigurationPair&, const std::string&)>& use) {
  const auto use_all = [&](const char* kind, const std::string& hardware,
                           const std::vector<ConfigurationPair>& pairs) {
    for (const ConfigurationPair& pair : pairs) {
      use(pair, absl::StrCat(Cell(report.experiment.type), "\t", kind, "\t", Cell(hardware), "\t",
                             Cell(pair.a->config_id), "\t", Cell(pair.b->config_id), "\t",
                             Cell(pair.value)));
    }
  };
  for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
    use_all("cross_hardware_baseline", absl::StrCat(cross.hardware_a, "-", cross.hardware_b),
            cross.pairs);
  }
  for (const WithinHardware& within : report.within_hardware) {
    use_all("within_hardware", within.hardware, within.pairs);
  }
  for (const CrossHardwareDetectability& cross : report.cross_hardware) {
    use_all("cross_hardware_detectability", cross.variant_hardware + "_variant", cross.pairs);
  }
}

void AppendDistances(const DistanceSummary& summary, std::string& table) {
  for (const double figure : {summary.mean, summary.min, summary.max}) {
    absl::StrAppend(&table, "\t", summary.n > 0 ? NumberText(figure) : "");
  }
}

void AppendSignals(const ExperimentReport& report, const ConfigurationPair& pair,
                   const std::string& name, std::string& table) {
  for (const auto& [signal, noise] : report.noise) {
    DistanceSummary l2;
    if (pair.comparison.has_value()) l2 = pair.comparison->signals.at(signal).l2;
    absl::StrAppend(&table, name, "\t", SignalName(signal), "\t", l2.n);
    AppendDistances(l2, table);
    const auto verdict = pair.verdicts.find(signal);
    if (verdict == pair.verdicts.end()) {
      absl::StrAppend(&table, "\t\t\n");
      continue;
    }
    const Verdict& by_mean = verdict->second.by_mean;
    absl::StrAppend(&table, "\t", by_mean.snr.has_value() ? NumberText(*by_mean.snr) : "", "\t",
                    DetectabilityName(by_mean.detectability), "\n");
  }
}

void AppendPhase(Phase phase, const PhaseStatistics& statistics, std::string& table) {
  absl::StrAppend(&table, PhaseName(phase), "\t", statistics.l2.n);
  AppendDistances(statistics.l2, table);
  AppendDistances(statistics.relative_l2, table);
  AppendDistances(statistics.cosine, table);
  const BitChanges& bits = statistics.bits;
  const UlpStatistics& ulps = statistics.ulps;
  absl::StrAppend(&table, "\t", NumberText(statistics.largest_absolute), "\t",
                  NumberFormatName(ulps.format), "\t", ulps.largest, "\t", NumberText(ulps.mean),
                  "\t");
  absl::StrAppend(&table, absl::StrJoin(ulps.FilledBins(), ","), "\t", bits.elements, "\t",
                  bits.changed, "\t", NumberText(bits.share_changed().value_or(0)));
  absl::StrAppend(&table, "\t", bits.sign, "\t", bits.exponent, "\t", bits.mantissa);
}

void AppendKnown(std::optional<double> figure, std::string& table) {
  absl::StrAppend(&table, "\t", figure.has_value() ? NumberText(*figure) : "");
}

void AppendInterval(const std::optional<Interval>& interval, std::string& table) {
  AppendKnown(interval.has_value() ? std::optional<double>(interval->low) : std::nullopt, table);
  AppendKnown(interval.has_value() ? std::optional<double>(interval->high) : std::nullopt, table);
}

// The comparison with the noise is over all phases.
void AppendUncertainty(Phase phase, const SignalUncertainty& uncertainty, std::string& table) {
  AppendInterval(uncertainty.mean_l2[static_cast<size_t>(phase)], table);
  const std::optional<NoiseComparison>& against = uncertainty.by_mean;
  if (phase != Phase::kAll || !against.has_value()) {
    absl::StrAppend(&table, "\t\t\t\t\t\t\t\n");
    return;
  }
  AppendKnown(against->snr, table);
  AppendInterval(against->snr_interval, table);
  AppendKnown(against->p_value, table);
  AppendKnown(against->p_holm, table);
  AppendKnown(against->roc.auc, table);
  const std::optional<int64_t>& tokens = against->tokens_needed;
  absl::StrAppend(&table, "\t", tokens.has_value() ? absl::StrCat(*tokens) : "", "\n");
}

}  // namespace

std::string TidyTable(const std::vector<ExperimentReport>& reports) {
  std::string table;
  for (const ExperimentReport& report : reports) {
    ForEachPair(report, [&](const ConfigurationPair& pair, const std::string& name) {
      AppendSignals(report, pair, name, table);
    });
  }
  return table;
}

std::string PhaseTable(const std::vector<ExperimentReport>& reports) {
  std::string table = kPhaseHeading;
  for (const ExperimentReport& report : reports) {
    ForEachPair(report, [&](const ConfigurationPair& pair, const std::string& name) {
      if (!pair.comparison.has_value()) return;
      for (const auto& [id, signal] : pair.comparison->signals) {
        for (const Phase phase : kPhases) {
          if (signal.in(phase).l2.n == 0) continue;
          absl::StrAppend(&table, name, "\t", SignalName(id), "\t");
          AppendPhase(phase, signal.in(phase), table);
          AppendUncertainty(phase, pair.uncertainty.at(id), table);
        }
      }
    });
  }
  return table;
}

}  // namespace forensics::analyzer
