// From what the user asked for to finished run directories.
#ifndef RUNNER_RUN_EXPERIMENT_H_
#define RUNNER_RUN_EXPERIMENT_H_

#include <string>
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

struct ExperimentResult {
  std::vector<FinishedRun> runs;
  // Configurations that were asked for but cannot be had here: "bnb: what is missing; how to get
  // it". The others run all the same.
  std::vector<std::string> missing;
};

// Runs every configuration of `spec` in turn; stops after one that is not reproducible, which is
// then the last of the runs. Errors name configuration, repetition and step.
absl::StatusOr<ExperimentResult> RunExperiment(const schema::ExperimentSpec& spec,
                                               const RunnerOptions& options, Progress& progress);

}  // namespace forensics::runner

#endif  // RUNNER_RUN_EXPERIMENT_H_
