// From what the user asked for to finished run directories.
#ifndef RUNNER_RUN_EXPERIMENT_H_
#define RUNNER_RUN_EXPERIMENT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/progress.h"
#include "runner/runner_options.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"

namespace forensics::runner {

struct FinishedRun {
  schema::RunDirectory directory;
  schema::RunManifest manifest;
};

// Runs every configuration of `spec` in turn; stops after one that is not reproducible, which is
// then the last of the result. Errors name configuration, repetition and step.
absl::StatusOr<std::vector<FinishedRun>> RunExperiment(const schema::ExperimentSpec& spec,
                                                       const RunnerOptions& options,
                                                       Progress& progress);

}  // namespace forensics::runner

#endif  // RUNNER_RUN_EXPERIMENT_H_
