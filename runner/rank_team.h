// This process among the ranks of its run.
#ifndef RUNNER_RANK_TEAM_H_
#define RUNNER_RANK_TEAM_H_

#include <chrono>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/parallel/communicator.h"
#include "runner/parallel/rank_environment.h"
#include "runner/parallel/rendezvous.h"

namespace forensics::runner {

class RankTeam {
 public:
  // Connects to the other ranks; without `ranks` this process is the only one. Tensors go over
  // NCCL where the ranks are `on_gpus`, all else over Gloo. `timeout` bounds every wait for another
  // rank once they have found each other. Aborted if the ranks do not find each other.
  static absl::StatusOr<std::unique_ptr<RankTeam>> Join(const std::optional<RankEnvironment>& ranks,
                                                        bool on_gpus,
                                                        std::chrono::milliseconds timeout);

  Communicator& communicator() { return nccl_ != nullptr ? *nccl_ : *control_; }
  bool IsFirst() const { return control_->rank() == 0; }

  // Tells whoever started the ranks why this one fails.
  void ReportFailure(const absl::Status& status);

 private:
  RankTeam() = default;

  std::unique_ptr<Rendezvous> store_;  // null: a single process
  std::unique_ptr<Communicator> control_;
  std::unique_ptr<Communicator> nccl_;  // null: ranks on CPUs
};

}  // namespace forensics::runner

#endif  // RUNNER_RANK_TEAM_H_
