// Starts the ranks of a run on this machine, as torchrun would, and answers for them.
#ifndef RUNNER_PARALLEL_LOCAL_RANKS_H_
#define RUNNER_PARALLEL_LOCAL_RANKS_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runner/parallel/rendezvous.h"

namespace forensics::runner {

struct LocalRanks {
  std::string program;                 // path of the executable
  std::vector<std::string> arguments;  // argv, the program's name first
  int world_size = 1;
  int port = 0;  // of the ranks' store; 0: a free one
  // Exit codes that are no failure.
  std::vector<int> good_exit_codes = {0};
  // How long the others may take to end by themselves once a rank has failed.
  std::chrono::milliseconds grace{5000};
  // True once the user wants to stop: rank 0 is sent SIGINT, and ends the others' work by leaving.
  std::function<bool()> interrupted;
};

// Runs `world_size` processes with torchrun's variables, serves their store, and waits for all of
// them. Their standard output is dropped, their standard error is this process's. Aborted if
// the port is taken, and, naming rank and cause, if a rank failed: then all have been ended.
// Ranks never outlive this process: the kernel kills them when it ends, however that happens.
absl::Status RunLocalRanks(const LocalRanks& ranks);

// Called by a rank that fails, so that the one who started it learns the first cause: a rank that
// stops makes all others fail, too. Best effort.
void ReportRankFailure(int rank, const absl::Status& status, Rendezvous& store);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_LOCAL_RANKS_H_
