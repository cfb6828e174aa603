// Which rank of how many this process is, as the programs that start ranks say it: torchrun,
// Slurm's srun, and the runner itself (local_ranks.h), which speaks torchrun's variables.
#ifndef RUNNER_PARALLEL_RANK_ENVIRONMENT_H_
#define RUNNER_PARALLEL_RANK_ENVIRONMENT_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

struct RankEnvironment {
  int rank = 0;
  int world_size = 1;
  int local_rank = 0;        // among the ranks of this machine
  int local_world_size = 1;  // ranks of this machine
  std::string master_address;
  int master_port = 0;
  // True where the program that started the ranks serves the store at the master's address
  // (torchrun's agent, the runner); else rank 0 does.
  bool store_is_served = false;
};

// The value of an environment variable, or null.
using GetEnvironment = std::function<const char*(const char* name)>;

// Of torchrun: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT,
// TORCHELASTIC_USE_AGENT_STORE. Of a Slurm step: SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID,
// SLURM_STEP_TASKS_PER_NODE, SLURM_STEP_NODELIST, SLURM_JOB_ID; MASTER_ADDR and MASTER_PORT win
// where they are set. None where neither is there, or a Slurm step has one task. InvalidArgument
// names the variable that is missing or makes no sense.
absl::StatusOr<std::optional<RankEnvironment>> ReadRankEnvironment(const GetEnvironment& get);

// The first host of Slurm's compressed list: "gpu[03-05,8],login" -> "gpu03".
std::string FirstHost(absl::string_view node_list);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_RANK_ENVIRONMENT_H_
