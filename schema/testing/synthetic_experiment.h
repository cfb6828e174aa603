// The plan's experiments, as their textprotos define them.
#ifndef SCHEMA_TESTING_SYNTHETIC_EXPERIMENT_H_
#define SCHEMA_TESTING_SYNTHETIC_EXPERIMENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "schema/run.pb.h"

namespace forensics::schema {

// Experiments 1 to 8, in the plan's order.
const std::vector<std::string>& SyntheticExperimentNames();

// "reference" or one of those names, with the plan's variable, values, suffixes and file name. Any
// other name is a reference with that name.
ExperimentSpec SyntheticExperiment(absl::string_view name);

}  // namespace forensics::schema

#endif  // SCHEMA_TESTING_SYNTHETIC_EXPERIMENT_H_
