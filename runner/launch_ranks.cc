#include "runner/launch_ranks.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runner/parallel/local_ranks.h"
#include "schema/command_line.h"

namespace forensics::runner {
namespace {

// The user's arguments, with `suffix` as the only configuration.
std::vector<std::string> ArgumentsFor(const std::vector<std::string>& arguments,
                                      const std::string& suffix) {
  std::vector<std::string> result = {arguments[0], absl::StrCat("--only=", suffix)};
  for (size_t i = 1; i < arguments.size(); ++i) {
    const absl::string_view flag = absl::StripPrefix(absl::StripPrefix(arguments[i], "-"), "-");
    if (flag == "only") {
      ++i;  // its value is the next argument
    } else if (!absl::StartsWith(flag, "only=")) {
      result.push_back(arguments[i]);
    }
  }
  return result;
}

}  // namespace

absl::Status LaunchRanks(const RunnerOptions& options, const std::string& program,
                         const std::string& suffix, int world_size) {
  LocalRanks ranks;
  ranks.program = program;
  ranks.arguments = ArgumentsFor(options.arguments, suffix);
  ranks.world_size = world_size;
  ranks.port = options.master_port;
  ranks.good_exit_codes = {schema::kExitDone, schema::kExitNotReproducible};
  ranks.interrupted = options.interrupted;
  const absl::Status status = RunLocalRanks(ranks);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(suffix, ": ", status.message()));
}

}  // namespace forensics::runner
