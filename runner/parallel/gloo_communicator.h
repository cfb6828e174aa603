// Ranks on CPUs, over TCP: Gloo's point-to-point buffers (facebookincubator/gloo).
//
// Gloo's own allreduce would do, but its order of sums depends on the algorithm that it picks. Here
// every element is summed in rank order, whatever the size of the tensor, and the peer that does
// not answer is known by its rank.
#ifndef RUNNER_PARALLEL_GLOO_COMMUNICATOR_H_
#define RUNNER_PARALLEL_GLOO_COMMUNICATOR_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runner/parallel/communicator.h"
#include "runner/parallel/rank_environment.h"
#include "runner/parallel/rendezvous.h"

namespace forensics::runner {

// How long ranks may take to start and find each other: they may be many on a busy machine.
inline constexpr std::chrono::milliseconds kStartTimeout{120000};

// Connects to all other ranks; `timeout` bounds every later wait for a peer. `name` tells
// several communicators of the same ranks apart. `store` must outlive the communicator. From here
// on the process ignores SIGPIPE.
absl::StatusOr<std::unique_ptr<Communicator>> ConnectGloo(const RankEnvironment& ranks,
                                                          const std::string& name,
                                                          std::chrono::milliseconds timeout,
                                                          Rendezvous& store);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_GLOO_COMMUNICATOR_H_
