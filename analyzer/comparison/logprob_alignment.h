// Log-probabilities of two runs at one timepoint, brought to the same token ids.
#ifndef ANALYZER_COMPARISON_LOGPROB_ALIGNMENT_H_
#define ANALYZER_COMPARISON_LOGPROB_ALIGNMENT_H_

#include <cstdint>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// What a run stores at a timepoint; null where it stores nothing.
struct StoredLogProbs {
  const LogProbs* own = nullptr;        // its ten largest
  const LogProbs* reference = nullptr;  // at the reference's ids
};

// What `run` stores at `at`.
StoredLogProbs StoredAt(const RunRecord& run, const Timepoint& at);

struct AlignedLogProbs {
  // Values at the ids that both lists have, in the order of a's list.
  std::vector<float> a;
  std::vector<float> b;
  int64_t unmatched_ids = 0;  // of either list, not in the other
  bool missing = false;       // one run stores no list
  bool malformed = false;     // a list with other than one value an id, or with an id twice
};

// Takes the reference_log_probs of each run, or its own list where it has none. Where both have
// them at different ids but one run is the other's reference (its own ids are the other's
// reference's ids), it takes that run's own list: those are the same ids.
AlignedLogProbs Align(const StoredLogProbs& a, const StoredLogProbs& b);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_LOGPROB_ALIGNMENT_H_
