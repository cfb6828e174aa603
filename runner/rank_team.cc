#include "runner/rank_team.h"

#include <algorithm>
#include <utility>

#include "runner/parallel/gloo_communicator.h"
#include "runner/parallel/local_ranks.h"
#include "runner/parallel/nccl_communicator.h"

namespace forensics::runner {

absl::StatusOr<std::unique_ptr<RankTeam>> RankTeam::Join(
    const std::optional<RankEnvironment>& ranks, bool on_gpus, std::chrono::milliseconds timeout) {
  auto team = std::unique_ptr<RankTeam>(new RankTeam);
  if (!ranks.has_value()) {
    team->control_ = std::make_unique<SingleProcess>();
    return team;
  }
  auto store = Rendezvous::Join(*ranks, std::max(timeout, kStartTimeout));
  if (!store.ok()) return absl::AbortedError(store.status().message());
  auto control = ConnectGloo(*ranks, "signals", timeout, **store);
  if (!control.ok()) return absl::AbortedError(control.status().message());
  team->store_ = *std::move(store);
  team->control_ = *std::move(control);
  if (!on_gpus) return team;
  auto nccl = ConnectNccl(std::max(timeout, kStartTimeout), timeout, *team->control_);
  if (!nccl.ok()) {
    team->ReportFailure(nccl.status());
    return nccl.status();
  }
  team->nccl_ = *std::move(nccl);
  return team;
}

void RankTeam::ReportFailure(const absl::Status& status) {
  if (store_ != nullptr) ReportRankFailure(control_->rank(), status, *store_);
}

}  // namespace forensics::runner
