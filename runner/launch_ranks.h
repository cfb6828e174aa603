// A configuration of many ranks, started on this machine.
#ifndef RUNNER_LAUNCH_RANKS_H_
#define RUNNER_LAUNCH_RANKS_H_

#include <string>

#include "absl/status/status.h"
#include "runner/runner_options.h"

namespace forensics::runner {

// Runs `program` with this one's arguments as `world_size` ranks, for the configuration with this
// suffix alone.
// Aborted, naming the rank and what happened to it, if one failed.
absl::Status LaunchRanks(const RunnerOptions& options, const std::string& program,
                         const std::string& suffix, int world_size);

}  // namespace forensics::runner

#endif  // RUNNER_LAUNCH_RANKS_H_
