// Whether and where the bits of two runs differ.
#ifndef ANALYZER_COMPARISON_RUN_DIFFERENCE_H_
#define ANALYZER_COMPARISON_RUN_DIFFERENCE_H_

#include <optional>
#include <string>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Token ids, and the bits of every value of all layers, signals and positions (-0.0 is not 0.0).
bool SameBits(const RunRecord& a, const RunRecord& b);

// Where `a` and `b` first differ: "step 3: hidden_states/layer_4/pos_-1: element 17: ...", none if
// nowhere. If the vectors of one have been released, the other has the bits of its base.
std::optional<std::string> FirstDifference(const RunRecord& a, const RunRecord& b);

// For each run that is read, before it is added to `experiment`: repetitions that all differ would
// else take as much memory as so many configurations. If `run` comes behind a stored repetition of
// its configuration, in the file and by rep_id, and has other bits, its vectors are released but
// for the headline signal's, whose distances are reported. What CheckReproducibility says of the
// runs stays the same, digit for digit.
void ReleaseIfDiffering(const SignalId& headline, const Experiment& experiment, RunRecord& run);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_RUN_DIFFERENCE_H_
