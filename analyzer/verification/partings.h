// Where two runs part, in the order in which a model computes.
#ifndef ANALYZER_VERIFICATION_PARTINGS_H_
#define ANALYZER_VERIFICATION_PARTINGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

struct Partings {
  // "step 3, hidden_states/layer_4/pos_-1, element 17: 0.5 (0x3f000000), recomputed 0.25
  // (0x3e800000), 8388608 float32 ULPs apart"; none if they part nowhere.
  std::optional<std::string> first;
  int64_t values = 0;   // compared
  int64_t vectors = 0;  // compared
  int64_t parted_vectors = 0;
};

// Every value that either stores, a window's repeats too: tokens fed, then position by position
// keys and hidden states of each layer, log-probs; last the tokens chosen.
Partings FindPartings(const RunRecord& claimed, const RunRecord& recomputed);

}  // namespace forensics::analyzer

#endif  // ANALYZER_VERIFICATION_PARTINGS_H_
