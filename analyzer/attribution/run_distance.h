// How far two runs are apart: the few figures of very many pairs that attribution needs.
#ifndef ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_
#define ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/comparison/identity_classes.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Over distinct positions (Timepoint::Computed) that both runs have in the same context.
struct SignalDistance {
  int64_t positions = 0;  // without NaN and infinities in either vector
  double mean_l2 = 0;     // over `positions`
  int64_t compared = 0;   // with NaN and infinities too
  int64_t identical = 0;  // of `compared`: the same bits in every element
};

struct RunDistance {
  bool same_prompt = true;                     // false: nothing is comparable
  std::map<SignalId, SignalDistance> signals;  // those with a compared position

  bool comparable() const { return !signals.empty(); }
  // Something was compared, and all of it has the same bits.
  bool identical() const;
  int64_t identical_signals() const;
};

// Both have a run. Contexts are those of contexts.h, log-probs are aligned by token id; vectors of
// different lengths are not compared. Sums are plain float64: the last digits of mean_l2 may differ
// from SignalComparison's, which takes five times as long.
RunDistance DistanceOf(const ComparedRun& a, const ComparedRun& b);

// The same for many pairs, in their order. All pairs among a few runs take a fraction of the time
// that they take one by one: a position's vectors stay in a core's cache until the last pair has
// used them.
using RunPair = std::pair<ComparedRun, ComparedRun>;
std::vector<RunDistance> DistancesOf(absl::Span<const RunPair> pairs);

// Mean L2 in each signal that makes up the unit of LogDistance.
using NoiseScales = std::map<SignalId, double>;

// The mean over signals of log(L2 / scale): 0 is the noise itself, the same for all pairs that lie
// in a ratio to it. Distances far below the noise count as a hundredth of it, so that a signal that
// is identical is strong evidence, but not infinite. None where no signal of `scales` is compared.
std::optional<double> LogDistance(const RunDistance& distance, const NoiseScales& scales);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_
