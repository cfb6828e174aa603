#include "analyzer/analysis/snr_disagreement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/statistics/holm.h"

namespace forensics::analyzer {
namespace {

// Relative; two sums of the same distances may part by so much.
constexpr double kRounding = 1e-9;

bool Holds(const Interval& interval, double snr) {
  return snr >= interval.low * (1 - kRounding) && snr <= interval.high * (1 + kRounding);
}

// Whether a pair of the noise has the signal at other positions than the variant.
bool PositionsDiffer(const ExperimentReport& report, const SignalComparison& variant) {
  const auto is_same = [](const PositionDistance& a, const PositionDistance& b) {
    return a.computed == b.computed;
  };
  for (const ConfigurationPair* pair : report.PairsAcross()) {
    if (!pair->MeanL2(report.headline).has_value()) continue;
    const auto& positions = pair->comparison->signals.at(report.headline).positions;
    if (!std::equal(positions.begin(), positions.end(), variant.positions.begin(),
                    variant.positions.end(), is_same)) {
      return true;
    }
  }
  return false;
}

bool Disagree(const Verdict& verdict, const NoiseComparison& against, bool positions_differ) {
  const std::optional<Interval>& interval = against.snr_interval;
  if (interval.has_value() && !Holds(*interval, *verdict.snr)) return true;
  const std::optional<double> p = against.adjusted_p();
  if (!p.has_value()) return false;
  const bool has_class = verdict.detectability != Detectability::kNotDetectable;
  if (*p < kSignificance) return !has_class;
  // Where the positions are the same, a large p is the test's lack of power.
  return has_class && positions_differ && (!interval.has_value() || interval->low <= 1);
}

}  // namespace

std::optional<std::string> SnrDisagreement(const ExperimentReport& report,
                                           const ConfigurationPair& variant) {
  const auto uncertainty = variant.uncertainty.find(report.headline);
  const auto verdicts = variant.verdicts.find(report.headline);
  if (uncertainty == variant.uncertainty.end() || verdicts == variant.verdicts.end()) {
    return std::nullopt;
  }
  const Verdict& verdict = verdicts->second.by_mean;
  const std::optional<NoiseComparison>& against = uncertainty->second.by_mean;
  if (!verdict.snr.has_value() || !against.has_value() || !against->snr.has_value()) {
    return std::nullopt;
  }
  const bool positions_differ =
      PositionsDiffer(report, variant.comparison->signals.at(report.headline));
  if (!Disagree(verdict, *against, positions_differ)) return std::nullopt;
  std::string text =
      absl::StrFormat("SNR %.3g (%s) of the pairs' means, each over its own positions, but %.3g",
                      *verdict.snr, DetectabilityName(verdict.detectability), *against->snr);
  if (against->snr_interval.has_value()) {
    absl::StrAppendFormat(&text, " (%.3g to %.3g)", against->snr_interval->low,
                          against->snr_interval->high);
  }
  absl::StrAppend(&text, " position by position, which interval and test are of");
  if (const std::optional<double> p = against->adjusted_p(); p.has_value()) {
    absl::StrAppendFormat(&text, " (p %.2g)", *p);
  }
  absl::StrAppend(&text, positions_differ
                             ? ": the pairs reach different positions"
                             : ": a position that several steps repeat counts once there");
  return text;
}

}  // namespace forensics::analyzer
