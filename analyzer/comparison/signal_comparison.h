// The distance of two runs in one signal, timepoint by timepoint.
#ifndef ANALYZER_COMPARISON_SIGNAL_COMPARISON_H_
#define ANALYZER_COMPARISON_SIGNAL_COMPARISON_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/comparison/bit_agreement.h"
#include "analyzer/comparison/bit_changes.h"
#include "analyzer/comparison/vector_difference.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Of a list of distances; the last three are void if n is 0.
struct DistanceSummary {
  int64_t n = 0;
  double mean = 0;
  double min = 0;
  double max = 0;
};

DistanceSummary Summarize(absl::Span<const double> distances);

// Over distinct positions: each position of the sequence once, however many windows repeat it.
struct PhaseStatistics {
  DistanceSummary l2;
  DistanceSummary relative_l2;  // L2 / norm of a, where that is not 0
  DistanceSummary cosine;       // where neither vector is 0
  double largest_absolute = 0;
  BitChanges bits;
  UlpStatistics ulps;
};

// One position of the sequence, compared once.
struct PositionDistance {
  int64_t computed = 0;  // Timepoint::Computed
  double l2 = 0;
  std::optional<double> relative_l2;
};

// Timepoints (step, position) without a distance, by cause.
struct LeftOut {
  int64_t missing = 0;         // stored by one run alone, at a step that both have
  int64_t unequal_length = 0;  // vectors of different lengths, or a malformed list of log-probs
  int64_t not_finite = 0;      // a NaN or infinity in either vector
  int64_t no_common_id = 0;    // log-probs
};

// Where the bits of a signal part first.
struct SignalDivergence {
  Timepoint at;  // the position's first timepoint that is compared
  ChangedElement changed;
};

struct SignalComparison {
  DistanceSummary l2;  // the plan's figure: over steps x positions, each with the same weight
  std::array<PhaseStatistics, kPhases.size()> phases;
  std::vector<PositionDistance> positions;  // ascending
  // At the first position with other bits, NaN and infinities too.
  std::optional<SignalDivergence> first_divergence;
  LeftOut left_out;
  int64_t unmatched_ids = 0;  // log-probs: token ids in one list alone, over all timepoints
  BitAgreement agreement;     // of timepoints, those without a distance too

  const PhaseStatistics& in(Phase phase) const { return phases[static_cast<size_t>(phase)]; }
};

// Collects the differences of one signal.
class SignalAccumulator {
 public:
  // `format`: what the signal was computed in.
  explicit SignalAccumulator(NumberFormat format) : format_(format) {}

  // `same_elements`: neither vector has an element that was not aligned.
  void Add(const Timepoint& at, const VectorDifference& difference, bool same_elements = true);
  void AddMissing();
  // A timepoint that cannot be compared for a `cause` that is counted in LeftOut.
  void AddOther(int64_t LeftOut::*cause);

  SignalComparison& result() { return result_; }

  SignalComparison Finish();

 private:
  void NoteDivergence(const Timepoint& at, const VectorDifference& difference);
  PhaseStatistics Statistics(Phase phase) const;

  const NumberFormat format_;
  SignalComparison result_;
  std::vector<double> distances_;
  std::map<int64_t, VectorDifference> distinct_;  // by Timepoint::Computed
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_SIGNAL_COMPARISON_H_
