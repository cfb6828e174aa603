// From what the user asked for to finished run directories.
#ifndef RUNNER_RUN_EXPERIMENT_H_
#define RUNNER_RUN_EXPERIMENT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/progress.h"
#include "runner/rank_team.h"
#include "runner/runner_options.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"

namespace forensics::runner {

struct FinishedRun {
  schema::RunDirectory directory;
  schema::RunManifest manifest;
  // Of the run whose tokens were fed, if any.
  std::optional<schema::RunManifest> reference;
};

struct ExperimentResult {
  std::vector<FinishedRun> runs;
  // Configurations that were asked for but cannot be had here: "bnb: what is missing; how to get
  // it". The others run all the same.
  std::vector<std::string> missing;
};

// Runs every configuration of `spec` in turn and adds what came of them to `result`, up to the
// first error, which names configuration, repetition and step; stops after a configuration that is
// not reproducible, which is then the last of the runs.
//
// A configuration of many ranks: where `team` is this process alone, it is run by ranks that are
// started here, and the result is read from disk; where `team` has as many members, this process is
// one of them. Rank 0 has the result, the others have none.
absl::Status RunExperiment(const schema::ExperimentSpec& spec, const RunnerOptions& options,
                           RankTeam& team, Progress& progress, ExperimentResult& result);

}  // namespace forensics::runner

#endif  // RUNNER_RUN_EXPERIMENT_H_
