// The distance of two runs in every signal.
#ifndef ANALYZER_RUN_COMPARISON_H_
#define ANALYZER_RUN_COMPARISON_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/contexts.h"
#include "analyzer/experiment.h"

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
struct DistinctStatistics {
  DistanceSummary l2;
  DistanceSummary prefill_l2;   // positions that the prefill computed
  DistanceSummary decode_l2;    // positions that decode steps computed
  DistanceSummary relative_l2;  // L2 / norm of a, where that is not 0
  double largest_absolute = 0;
  uint64_t largest_ulps = 0;
  int64_t elements = 0;
  int64_t elements_changed = 0;
};

// Timepoints (step, position) without a distance, by cause.
struct LeftOut {
  int64_t missing = 0;         // stored by one run alone, at a step that both have
  int64_t unequal_length = 0;  // vectors of different lengths, or a malformed list of log-probs
  int64_t not_finite = 0;      // a NaN or infinity in either vector
  int64_t no_common_id = 0;    // log-probs
};

struct SignalComparison {
  DistanceSummary l2;  // the plan's figure: over steps x positions, each with the same weight
  DistinctStatistics distinct;
  LeftOut left_out;
  int64_t unmatched_ids = 0;   // log-probs: token ids in one list alone, over all timepoints
  bool bit_identical = false;  // all that was compared has the same bits, and something was
};

struct RunComparison {
  Contexts contexts;
  std::map<SignalId, SignalComparison> signals;
};

// Compares `signals` at the steps with the same context (CompareContexts).
RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference = false);

}  // namespace forensics::analyzer

#endif  // ANALYZER_RUN_COMPARISON_H_
