// What ranks settle among themselves, as Status.
#ifndef RUNNER_PARALLEL_AGREEMENT_H_
#define RUNNER_PARALLEL_AGREEMENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {

// Everyone's bytes, by rank. Aborted if a rank is lost.
absl::StatusOr<std::vector<std::string>> GatherFromRanks(const std::string& mine,
                                                         Communicator& ranks);

// Rank 0's bytes, on every rank; what the others pass is ignored. Aborted if a rank is lost.
absl::StatusOr<std::string> FromFirstRank(const std::string& mine, Communicator& ranks);

// OK if all ranks are; else, on every rank, the status of the first one that is not, its number
// before the message.
absl::Status AllRanksOk(const absl::Status& mine, Communicator& ranks);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_AGREEMENT_H_
