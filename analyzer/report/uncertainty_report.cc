#include "analyzer/report/uncertainty_report.h"

#include <map>
#include <string>
#include <vector>

namespace forensics::analyzer {
namespace {

void WriteCurve(ReportWriter& writer, const Roc& roc) {
  std::vector<double> false_rates, true_rates;
  for (const RocPoint& point : roc.curve) {
    false_rates.push_back(point.false_positive_rate);
    true_rates.push_back(point.true_positive_rate);
  }
  writer.StartObject("roc");
  writer.Field("false_positive_rate", false_rates);
  writer.Field("true_positive_rate", true_rates);
  writer.EndObject();
}

void WriteNoiseComparison(ReportWriter& writer, const std::string& key,
                          const std::optional<NoiseComparison>& comparison, bool with_curve) {
  if (!comparison.has_value()) return writer.Null(key);
  writer.StartObject(key);
  writer.Field("positions", comparison->positions);
  writer.Field("snr", comparison->snr);
  WriteInterval(writer, "snr_interval", comparison->snr_interval);
  WriteIntervalReason(writer, comparison->interval_reason);
  writer.Field("p_value", comparison->p_value);
  writer.Field("p_holm", comparison->p_holm);
  writer.Field("auc", comparison->roc.auc);
  writer.Field("tokens_needed", comparison->tokens_needed);
  if (with_curve) WriteCurve(writer, comparison->roc);
  writer.EndObject();
}

// The layers of one kind of signal.
struct Layers {
  std::vector<int64_t> layers;
  std::vector<const SignalComparison*> signals;
};

// Values that are not known are null.
using Figures = std::vector<std::optional<double>>;

}  // namespace

void WriteInterval(ReportWriter& writer, const std::string& key,
                   const std::optional<Interval>& interval) {
  if (!interval.has_value()) return writer.Null(key);
  writer.StartObject(key);
  writer.Field("low", interval->low);
  writer.Field("high", interval->high);
  writer.EndObject();
}

void WriteIntervalReason(ReportWriter& writer, const std::string& reason) {
  if (reason.empty()) return writer.Null("interval_reason");
  writer.Field("interval_reason", reason);
}

void WriteUncertainty(ReportWriter& writer, const SignalComparison& signal,
                      const SignalUncertainty& uncertainty, bool with_curve) {
  writer.StartObject("uncertainty");
  writer.StartObject("mean_l2");
  for (const Phase phase : kPhases) {
    WriteInterval(writer, PhaseName(phase), uncertainty.mean_l2[static_cast<size_t>(phase)]);
  }
  writer.EndObject();
  writer.StartObject("interval_reason");
  for (const Phase phase : kPhases) {
    const std::string reason = WhyTooFew(static_cast<size_t>(signal.in(phase).l2.n));
    writer.Field(PhaseName(phase),
                 reason.empty() ? std::nullopt : std::optional<std::string>(reason));
  }
  writer.EndObject();
  WriteNoiseComparison(writer, "against_noise", uncertainty.by_mean, with_curve);
  WriteNoiseComparison(writer, "against_noise_at_baseline_value", uncertainty.by_baseline,
                       with_curve);
  writer.EndObject();
}

void WriteResampling(ReportWriter& writer, const StatisticsOptions& options) {
  const Resampling& resampling = options.resampling;
  const DetectionRates& rates = options.rates;
  writer.StartObject("resampling");
  writer.Field("seed", static_cast<int64_t>(resampling.seed));
  writer.Field("resamples", static_cast<int64_t>(resampling.resamples));
  writer.Field("level", resampling.level);
  writer.Field("false_positive_rate", rates.false_positive_rate);
  writer.Field("power", rates.power);
  writer.EndObject();
}

void WriteByPosition(ReportWriter& writer, const SignalComparison& signal) {
  std::vector<int64_t> positions;
  Figures l2, relative;
  for (const PositionDistance& position : signal.positions) {
    positions.push_back(position.computed);
    l2.push_back(position.l2);
    relative.push_back(position.relative_l2);
  }
  writer.StartObject("by_position");
  writer.Field("positions", positions);
  writer.Field("l2_distance", l2);
  writer.Field("relative_l2", relative);
  writer.EndObject();
}

void WritePropagation(ReportWriter& writer, const RunComparison& comparison) {
  std::map<SignalKind, Layers> kinds;
  for (const auto& [id, signal] : comparison.signals) {
    if (id.kind == SignalKind::kLogProbs) continue;
    kinds[id.kind].layers.push_back(id.layer);
    kinds[id.kind].signals.push_back(&signal);
  }
  const auto mean = [](const DistanceSummary& summary) {
    return summary.n > 0 ? std::optional<double>(summary.mean) : std::nullopt;
  };
  writer.StartObject("propagation");
  for (const auto& [kind, layers] : kinds) {
    writer.StartObject(kind == SignalKind::kHiddenStates ? "hidden_states" : "key_vectors");
    writer.Field("layers", layers.layers);
    for (const Phase phase : kPhases) {
      Figures l2, relative, share_changed;
      for (const SignalComparison* signal : layers.signals) {
        const PhaseStatistics& statistics = signal->in(phase);
        l2.push_back(mean(statistics.l2));
        relative.push_back(mean(statistics.relative_l2));
        share_changed.push_back(statistics.bits.share_changed());
      }
      writer.StartObject(PhaseName(phase));
      writer.Field("l2_distance", l2);
      writer.Field("relative_l2", relative);
      writer.Field("share_changed", share_changed);
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace forensics::analyzer
