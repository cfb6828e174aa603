// Attribution where the truth is known: how often its probabilities are right.
#ifndef ANALYZER_TESTING_ATTRIBUTION_TRIALS_H_
#define ANALYZER_TESTING_ATTRIBUTION_TRIALS_H_

#include <cstdint>
#include <string>

#include "analyzer/attribution/answer.h"
#include "analyzer/testing/reliability.h"
#include "analyzer/testing/synthetic_library.h"

namespace forensics::analyzer {

struct TrialShape {
  int values = 3;
  int hardware = 2;  // known
  EffectSizes sizes;
  bool ask_hardware = false;  // else the value
};

struct Trial {
  Answer answer;
  std::string truth;  // a label, or kNoneOfThese
};

// A library of all values on all hardware, and an unknown run. In half of the trials what is asked
// for is known, on new hardware (of a new value, where the hardware is asked for); in a quarter
// each it is new, and the other of the two is known or new as well.
Trial RunTrial(const TrialShape& shape, uint64_t seed);

// Of many trials.
struct TrialSummary {
  int trials = 0;
  int right = 0;
  Reliability answers;  // with their confidence; not those that are undecided
  // That the truth is in the library, or that it is not, whichever is more probable.
  Reliability membership;
  double log_loss = 0;  // mean of -log of the probability of the truth

  double share_right() const { return static_cast<double>(right) / trials; }
};

// Seeds from `first_seed` on, one a trial. Trials are shared among cores.
TrialSummary RunTrials(const TrialShape& shape, uint64_t first_seed, int trials);

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_ATTRIBUTION_TRIALS_H_
