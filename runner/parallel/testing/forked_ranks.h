// Ranks for tests: forked processes that meet over real sockets.
#ifndef RUNNER_PARALLEL_TESTING_FORKED_RANKS_H_
#define RUNNER_PARALLEL_TESTING_FORKED_RANKS_H_

#include <chrono>
#include <functional>
#include <vector>

#include "runner/parallel/communicator.h"

namespace forensics::runner {

// What a rank does; false fails the test.
using RankWork = std::function<bool(Communicator& communicator)>;

inline constexpr std::chrono::milliseconds kPatience(60000);

// The exit codes of `size` forked ranks: 0 for true, minus the signal of one that was killed. The
// calling process must not have computed anything with libtorch, whose threads do not survive.
std::vector<int> RunForkedRanks(int size, const RankWork& work,
                                std::chrono::milliseconds timeout = kPatience);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_TESTING_FORKED_RANKS_H_
