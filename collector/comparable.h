// Whether runs may stand in one file: what must not differ between them.
#ifndef COLLECTOR_COMPARABLE_H_
#define COLLECTOR_COMPARABLE_H_

#include <vector>

#include "absl/status/status.h"
#include "collector/run_set.h"

namespace forensics::collector {

// FailedPrecondition names the first field that differs, both values and both directories: prompt,
// model (of equal quantisation: where the model is the variable it differs), dimensions,
// extraction, number of steps, the experiment's own definition.
absl::Status CheckSameExperiment(const std::vector<const Run*>& runs);

// Variants of one hardware must have seen the same tokens: all forced by one run, or all free. With
// `reference`, the tokens must be its own or those that it was fed itself. Null: there is none.
absl::Status CheckSameDecoding(const Run* reference, const std::vector<const Run*>& variants);

}  // namespace forensics::collector

#endif  // COLLECTOR_COMPARABLE_H_
