// Which steps of two runs saw the same tokens.
#ifndef ANALYZER_COMPARISON_CONTEXTS_H_
#define ANALYZER_COMPARISON_CONTEXTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

struct Contexts {
  // Steps of both runs before which both were fed the same tokens, ascending.
  std::vector<int64_t> comparable_steps;
  // Behind the last of them: the steps of both runs that lie before it are the comparable ones.
  int64_t comparable_end() const {
    return comparable_steps.empty() ? INT64_MIN : comparable_steps.back() + 1;
  }
  // Steps of both runs that lie behind different tokens, or behind one that is not known.
  int64_t steps_left_out = 0;
  // Steps of one run alone, before the runs part.
  std::vector<int64_t> missing_in_a;
  std::vector<int64_t> missing_in_b;
  bool same_prompt = true;  // false: both texts are known and differ, and no step is comparable
  // The first step after which different tokens were fed: itself still comparable.
  std::optional<int64_t> first_fed_difference;
  // The first step after which the token that was fed is not known in both, if that ended the
  // shared context.
  std::optional<int64_t> first_unknown_token;
  // The first comparable step at which the two would have chosen different tokens.
  std::optional<int64_t> first_token_difference;
};

// Whether both were fed one reference's tokens, or one is itself the other's reference: then they
// were fed the same ones, told or not.
bool FedBySameReference(const Configuration& configuration_a, const RunRecord& a,
                        const Configuration& configuration_b, const RunRecord& b);

// The token that was fed after a step is fed_token_id, or token_id in files without it. Behind a
// token that a run does not tell (a missing step) contexts are not known to be the same, unless
// `same_reference`.
Contexts CompareContexts(const RunRecord& a, const RunRecord& b, bool same_reference = false);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_CONTEXTS_H_
