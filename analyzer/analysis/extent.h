// Whether an experiment can be analysed within the memory that compare may take.
#ifndef ANALYZER_ANALYSIS_EXTENT_H_
#define ANALYZER_ANALYSIS_EXTENT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Signals of pairs of configurations: each takes about 20 kB, with its part of the reports. A
// hundred configurations on eight hardware with 25 signals have 27,000.
inline constexpr int64_t kMostPairSignals = 32768;

// How many pairs of configurations are compared at most, each with each signal: those within a
// hardware, those of one value on two, and each against the other hardware's baselines.
int64_t CountPairs(const Experiment& experiment);

// OutOfRange names the file and the counts.
absl::Status CheckExtent(const Experiment& experiment);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_EXTENT_H_
