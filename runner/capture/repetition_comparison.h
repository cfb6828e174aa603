// Are repetitions bit-identical, and if not, where do they part?
#ifndef RUNNER_CAPTURE_REPETITION_COMPARISON_H_
#define RUNNER_CAPTURE_REPETITION_COMPARISON_H_

#include <optional>
#include <string>
#include <vector>

#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::runner {

// Compares every captured byte and every token; -0.0 is not 0.0, and NaNs are compared as bits.
// Nothing if all agree; else the first difference in the order of step, position, layer and signal,
// with counts of how far it spreads. Two repetitions that captured different things (another number
// of steps, positions or layers) differ in `signal` "structure".
std::optional<schema::Difference> CompareRepetitions(const schema::Repetition& a,
                                                     const schema::Repetition& b);

// The same over all pairs with the first repetition, then of the others among themselves.
std::optional<schema::Difference> FirstDifference(
    const std::vector<schema::Repetition>& repetitions);

// A report of a few lines for people.
std::string DescribeDifference(const schema::Difference& difference);

}  // namespace forensics::runner

#endif  // RUNNER_CAPTURE_REPETITION_COMPARISON_H_
