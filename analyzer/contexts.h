// Which steps of two runs saw the same tokens.
#ifndef ANALYZER_CONTEXTS_H_
#define ANALYZER_CONTEXTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzer/experiment.h"

namespace forensics::analyzer {

struct Contexts {
  // Steps of both runs before which both were fed the same tokens, ascending.
  std::vector<int64_t> comparable_steps;
  // Steps of both runs that lie behind different tokens.
  int64_t steps_left_out = 0;
  // Steps of one run alone, before the runs part.
  std::vector<int64_t> missing_in_a;
  std::vector<int64_t> missing_in_b;
  bool same_prompt = true;  // false: both texts are known and differ, and no step is comparable
  // The first step after which different tokens were fed: itself still comparable.
  std::optional<int64_t> first_fed_difference;
  // The first comparable step at which the two would have chosen different tokens.
  std::optional<int64_t> first_token_difference;
};

// The token that was fed after a step is fed_token_id, or token_id in files without it. A token
// that one run does not tell (a missing step) counts as equal; the missing step is listed.
Contexts CompareContexts(const RunRecord& a, const RunRecord& b);

}  // namespace forensics::analyzer

#endif  // ANALYZER_CONTEXTS_H_
