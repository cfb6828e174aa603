#include "analyzer/report/signal_report.h"

#include <optional>

#include "analyzer/report/divergence_report.h"
#include "analyzer/report/uncertainty_report.h"

namespace forensics::analyzer {
namespace {

std::optional<double> KnownIf(bool known, double value) {
  return known ? std::optional<double>(value) : std::nullopt;
}

void WriteLeftOut(ReportWriter& writer, const SignalComparison& signal) {
  writer.StartObject("left_out");
  writer.Field("missing", signal.left_out.missing);
  writer.Field("unequal_length", signal.left_out.unequal_length);
  writer.Field("not_finite", signal.left_out.not_finite);
  writer.Field("no_common_id", signal.left_out.no_common_id);
  writer.EndObject();
}

// Positions, each once: the figures that the report has had from the beginning.
void WriteDistinct(ReportWriter& writer, const SignalComparison& signal) {
  const PhaseStatistics& all = signal.in(Phase::kAll);
  const bool any = all.l2.n > 0;
  writer.StartObject("distinct_positions");
  WriteDistances(writer, "l2_distance", all.l2);
  WriteDistances(writer, "prefill_l2_distance", signal.in(Phase::kPrefill).l2);
  WriteDistances(writer, "decode_l2_distance", signal.in(Phase::kDecode).l2);
  WriteDistances(writer, "relative_l2", all.relative_l2);
  writer.Field("largest_absolute", KnownIf(any, all.largest_absolute));
  const int64_t ulps = static_cast<int64_t>(all.bits.Ulps(NumberFormat::kFloat32).largest);
  writer.Field("largest_ulps", any ? std::optional<int64_t>(ulps) : std::nullopt);
  writer.Field("elements", all.bits.elements);
  writer.Field("elements_changed", all.bits.changed);
  writer.EndObject();
}

void WriteUlps(ReportWriter& writer, const UlpStatistics& ulps, bool any) {
  const int64_t largest = static_cast<int64_t>(ulps.largest);
  writer.StartObject("ulps");
  writer.Field("number_format", NumberFormatName(ulps.format));
  writer.Field("largest", any ? std::optional<int64_t>(largest) : std::nullopt);
  writer.Field("mean", KnownIf(any, ulps.mean));
  writer.Field("histogram", ulps.FilledBins());
  writer.EndObject();
}

void WritePhase(ReportWriter& writer, Phase phase, const PhaseStatistics& statistics) {
  const bool any = statistics.l2.n > 0;
  const BitChanges& bits = statistics.bits;
  writer.StartObject(PhaseName(phase));
  WriteDistances(writer, "l2_distance", statistics.l2);
  WriteDistances(writer, "relative_l2", statistics.relative_l2);
  WriteDistances(writer, "cosine", statistics.cosine);
  writer.Field("largest_absolute", KnownIf(any, statistics.largest_absolute));
  WriteUlps(writer, statistics.ulps, any);
  writer.Field("elements", bits.elements);
  writer.Field("elements_changed", bits.changed);
  writer.Field("share_changed", bits.share_changed());
  writer.Field("sign_changed", bits.sign);
  writer.Field("exponent_changed", bits.exponent);
  writer.Field("mantissa_changed", bits.mantissa);
  writer.EndObject();
}

void WritePhases(ReportWriter& writer, const SignalComparison& signal) {
  writer.StartObject("phases");
  for (const Phase phase : kPhases) WritePhase(writer, phase, signal.in(phase));
  writer.EndObject();
}

}  // namespace

// Mean, min and max under `prefix`, null where nothing could be compared.
void WriteDistances(ReportWriter& writer, const std::string& prefix,
                    const DistanceSummary& summary) {
  const auto known = [&](double value) {
    return summary.n > 0 ? std::optional<double>(value) : std::nullopt;
  };
  writer.Field(prefix, known(summary.mean));
  writer.Field(prefix + "_min", known(summary.min));
  writer.Field(prefix + "_max", known(summary.max));
  writer.Field(prefix + "_n", summary.n);
}

void WriteVerdict(ReportWriter& writer, const SignalVerdict& verdict, bool identical) {
  writer.Field("snr", verdict.by_mean.snr);
  writer.Field("detectability", DetectabilityName(verdict.by_mean.detectability));
  writer.Field("identical", identical);
  writer.Field("snr_at_baseline_value", verdict.by_baseline.snr);
  writer.Field("detectability_at_baseline_value",
               DetectabilityName(verdict.by_baseline.detectability));
  writer.Field("classes_differ", verdict.classes_differ());
}

void WriteSignals(ReportWriter& writer, const ConfigurationPair& pair, const SignalId& headline) {
  writer.StartObject("signals");
  for (const auto& [id, signal] : pair.comparison->signals) {
    writer.StartObject(SignalName(id));
    WriteDistances(writer, "l2_distance", signal.l2);
    const auto verdict = pair.verdicts.find(id);
    const bool identical = signal.agreement.identical();
    if (verdict != pair.verdicts.end()) WriteVerdict(writer, verdict->second, identical);
    writer.Field("bit_identical", identical);
    WriteSignalDivergence(writer, signal.first_divergence, signal.in(Phase::kAll).ulps.format);
    WriteLeftOut(writer, signal);
    if (id.kind == SignalKind::kLogProbs) writer.Field("unmatched_ids", signal.unmatched_ids);
    WriteDistinct(writer, signal);
    WritePhases(writer, signal);
    WriteByPosition(writer, signal);
    const auto uncertainty = pair.uncertainty.find(id);
    if (uncertainty != pair.uncertainty.end()) {
      WriteUncertainty(writer, signal, uncertainty->second, id == headline);
    }
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace forensics::analyzer
