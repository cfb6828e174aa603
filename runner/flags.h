// The command line of every runner.
#ifndef RUNNER_FLAGS_H_
#define RUNNER_FLAGS_H_

#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/status/statusor.h"
#include "runner/runner_options.h"
#include "schema/experiment.pb.h"

ABSL_DECLARE_FLAG(std::string, cpu_isa);
ABSL_DECLARE_FLAG(std::string, device);
ABSL_DECLARE_FLAG(int, gpu);
ABSL_DECLARE_FLAG(std::string, output);
ABSL_DECLARE_FLAG(bool, allow_missing);

namespace forensics::runner {

// kExperimentSpecs with the changes that flags ask for.
absl::StatusOr<std::vector<schema::ExperimentSpec>> SpecsFromFlags();

// The rest of what the user asked for. `arguments` are the program's, its name first: what comes
// along with it (models, documents, packages, other builds) is found beside it. Errors are wrong
// usage, but for files that are missing.
absl::StatusOr<RunnerOptions> OptionsFromFlags(const std::vector<std::string>& arguments,
                                               const std::vector<schema::ExperimentSpec>& specs);

}  // namespace forensics::runner

#endif  // RUNNER_FLAGS_H_
