// From an experiment's textproto to the configurations that are run.
#ifndef RUNNER_EXPERIMENT_SPEC_H_
#define RUNNER_EXPERIMENT_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schema/experiment.pb.h"

namespace forensics::runner {

// The textprotos that this binary was built for, in the order to run; a null pointer ends them. See
// experiment.bzl.
extern const char* const kExperimentSpecs[];

// Parses and checks a spec; errors name the line or the field.
absl::StatusOr<schema::ExperimentSpec> ParseExperimentSpec(absl::string_view textproto);

// One configuration to run: the experiment's reference, or one value of its variable.
struct Configuration {
  google::protobuf::Value value;
  std::string suffix;  // of its config_id
  schema::RunConfig config;
};

// What `bazel run //runner:expN` runs: every value but the reference's; experiment 0, which has no
// other, the reference itself.
std::vector<Configuration> ConfigurationsOf(const schema::ExperimentSpec& spec);

// Whether checkpoints in different formats are what the experiment compares.
bool ComparesFormats(const schema::ExperimentSpec& spec);

// `extraction` for a model of so many layers: -1 becomes the last, layers that the model does not
// have and duplicates go, ascending. InvalidArgument if none is left.
absl::StatusOr<schema::ExtractionConfig> ResolveExtraction(
    const schema::ExtractionConfig& extraction, int num_hidden_layers);

}  // namespace forensics::runner

#endif  // RUNNER_EXPERIMENT_SPEC_H_
