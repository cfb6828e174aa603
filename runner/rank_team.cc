#include "runner/rank_team.h"

#include <algorithm>
#include <utility>

#include "runner/parallel/gloo_communicator.h"
#include "runner/parallel/local_ranks.h"

namespace forensics::runner {

absl::StatusOr<std::unique_ptr<RankTeam>> RankTeam::Join(
    const std::optional<RankEnvironment>& ranks, std::chrono::milliseconds timeout) {
  auto team = std::unique_ptr<RankTeam>(new RankTeam);
  if (!ranks.has_value()) {
    team->communicator_ = std::make_unique<SingleProcess>();
    return team;
  }
  auto store = Rendezvous::Join(*ranks, std::max(timeout, kStartTimeout));
  if (!store.ok()) return absl::AbortedError(store.status().message());
  auto communicator = ConnectGloo(*ranks, "signals", timeout, **store);
  if (!communicator.ok()) return absl::AbortedError(communicator.status().message());
  team->store_ = *std::move(store);
  team->communicator_ = *std::move(communicator);
  return team;
}

void RankTeam::ReportFailure(const absl::Status& status) {
  if (store_ != nullptr) ReportRankFailure(communicator_->rank(), status, *store_);
}

}  // namespace forensics::runner
