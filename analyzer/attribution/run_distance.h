// How far two runs are apart: the few figures of very many pairs that attribution needs.
#ifndef ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_
#define ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/comparison/bit_agreement.h"
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

// Positions of all signals that are not compared, by cause.
struct NotCompared {
  int64_t other_length = 0;   // vectors of other lengths, lists without a common id or malformed
  int64_t other_context = 0;  // behind tokens that differ or are not known
  int64_t one_sided = 0;      // one run alone has them

  int64_t total() const { return other_length + other_context + one_sided; }
};

struct RunDistance {
  bool same_prompt = true;                     // false: nothing is comparable
  std::map<SignalId, SignalDistance> signals;  // those with a compared position
  NotCompared not_compared;
  BitAgreement agreement;  // of the positions of all signals in the same context
  // The first step at which the two would have chosen different tokens.
  std::optional<int64_t> first_other_token;

  bool comparable() const { return !signals.empty(); }
  // Something has the same bits, nothing that both have has others, and the same tokens are chosen.
  // What one run alone has is no objection: an unknown run may store less.
  bool identical() const { return agreement.agrees() && !first_other_token.has_value(); }
  int64_t identical_signals() const;
};

// Both have a run. Contexts are those of contexts.h, log-probs are aligned by token id; vectors of
// different lengths are not compared. Sums are plain float64: the last digits of mean_l2 may differ
// from SignalComparison's, which takes five times as long.
RunDistance DistanceOf(const ComparedRun& a, const ComparedRun& b);

// The same for groups of pairs, in their order; groups and signals are shared among cores. All
// pairs among a few runs take a fraction of the time that they take one by one: a position's
// vectors are fetched from memory and made float64 once, and stay in a core's cache until the last
// pair of the group has used them.
using RunPair = std::pair<ComparedRun, ComparedRun>;
std::vector<std::vector<RunDistance>> DistancesOf(const std::vector<std::vector<RunPair>>& groups);

// Mean L2 in each signal that makes up the unit of LogDistance.
using NoiseScales = std::map<SignalId, double>;

// The mean over signals of log(L2 / scale): 0 is the noise itself, the same for all pairs that lie
// in a ratio to it. Distances far below the noise count as a hundredth of it, so that a signal that
// is identical is strong evidence, but not infinite. None where no signal of `scales` is compared.
std::optional<double> LogDistance(const RunDistance& distance, const NoiseScales& scales);

// In L2 itself, where the library has no unit: the log of the mean L2 over signals. A mean of logs
// would need a unit for those whose L2 is 0; without them a run that agrees in all signals but one
// would be taken for farther than one that agrees in none. Where all are 0 its exponential is 0.
// None where nothing has a distance.
std::optional<double> LogL2(const RunDistance& distance);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_RUN_DISTANCE_H_
