#include "runner/launch_ranks.h"

#include "absl/strings/str_cat.h"
#include "runner/parallel/local_ranks.h"
#include "schema/command_line.h"

namespace forensics::runner {

absl::Status LaunchRanks(const RunnerOptions& options, const std::string& program,
                         const std::string& suffix, int world_size) {
  LocalRanks ranks;
  ranks.program = program;
  ranks.arguments = options.arguments;
  ranks.arguments.push_back(absl::StrCat("--only=", suffix));
  ranks.world_size = world_size;
  ranks.port = options.master_port;
  ranks.good_exit_codes = {schema::kExitDone, schema::kExitNotReproducible};
  ranks.interrupted = options.interrupted;
  const absl::Status status = RunLocalRanks(ranks);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(suffix, ": ", status.message()));
}

}  // namespace forensics::runner
