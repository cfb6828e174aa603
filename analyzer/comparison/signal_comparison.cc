#include "analyzer/comparison/signal_comparison.h"

#include <algorithm>
#include <utility>

#include "analyzer/comparison/compensated_sum.h"

namespace forensics::analyzer {

DistanceSummary Summarize(absl::Span<const double> distances) {
  DistanceSummary summary;
  if (distances.empty()) return summary;
  CompensatedSum sum;
  for (const double distance : distances) sum.Add(distance);
  summary.n = static_cast<int64_t>(distances.size());
  summary.mean = sum.Total() / static_cast<double>(summary.n);
  summary.min = *std::min_element(distances.begin(), distances.end());
  summary.max = *std::max_element(distances.begin(), distances.end());
  return summary;
}

void SignalAccumulator::NoteDivergence(const Timepoint& at, const VectorDifference& difference) {
  if (!difference.first_changed.has_value()) return;
  std::optional<SignalDivergence>& first = result_.first_divergence;
  if (first.has_value() && first->at.Computed() <= at.Computed()) return;
  first = SignalDivergence{at, *difference.first_changed};
}

void SignalAccumulator::AddMissing() {
  ++result_.left_out.missing;
  ++result_.agreement.one_sided;
}

void SignalAccumulator::AddOther(int64_t LeftOut::*cause) {
  ++(result_.left_out.*cause);
  result_.agreement.Note(false);
}

void SignalAccumulator::Add(const Timepoint& at, const VectorDifference& difference,
                            bool same_elements) {
  NoteDivergence(at, difference);
  result_.agreement.Note(same_elements && !difference.first_changed.has_value());
  if (!difference.finite) {
    ++result_.left_out.not_finite;
    return;
  }
  distances_.push_back(difference.l2);
  distinct_.emplace(at.Computed(), difference);  // the first of a position's repeats
}

PhaseStatistics SignalAccumulator::Statistics(Phase phase) const {
  PhaseStatistics statistics;
  std::vector<double> l2, relative, cosine;
  HalfChanges halves;
  for (const auto& [computed, difference] : distinct_) {
    if (!InPhase(computed, phase)) continue;
    l2.push_back(difference.l2);
    if (difference.norm_a > 0) relative.push_back(difference.l2 / difference.norm_a);
    if (difference.cosine.has_value()) cosine.push_back(*difference.cosine);
    statistics.largest_absolute =
        std::max(statistics.largest_absolute, difference.largest_absolute);
    statistics.bits.Add(difference.bits);
    if (difference.halves.has_value()) halves.Add(*difference.halves);
  }
  statistics.l2 = Summarize(l2);
  statistics.relative_l2 = Summarize(relative);
  statistics.cosine = Summarize(cosine);
  statistics.ulps = statistics.bits.Ulps(format_);
  if (format_ == NumberFormat::kFloat16 && halves.fit()) {
    statistics.ulps = halves.Ulps();
    halves.Split(statistics.bits);
  }
  return statistics;
}

SignalComparison SignalAccumulator::Finish() {
  result_.l2 = Summarize(distances_);
  for (const Phase phase : kPhases) {
    result_.phases[static_cast<size_t>(phase)] = Statistics(phase);
  }
  for (const auto& [computed, difference] : distinct_) {
    PositionDistance& position = result_.positions.emplace_back();
    position.computed = computed;
    position.l2 = difference.l2;
    if (difference.norm_a > 0) position.relative_l2 = difference.l2 / difference.norm_a;
  }
  return std::move(result_);
}

}  // namespace forensics::analyzer
