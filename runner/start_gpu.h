// The GPU of this process.
#ifndef RUNNER_START_GPU_H_
#define RUNNER_START_GPU_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/cuda/gpu.h"
#include "runner/parallel/rank_environment.h"

namespace forensics::runner {

// Which of `visible` GPUs this process uses, where the first rank of the machine uses `first`: each
// rank the one after the last rank's. Where whoever started the ranks shows each of them one GPU,
// that one.
int GpuIndex(int first, const std::optional<RankEnvironment>& ranks, int visible);

// Starts that GPU; see StartCuda in runner/cuda/torch_library.h.
absl::StatusOr<Gpu> StartGpu(int first, const std::optional<RankEnvironment>& ranks);

// Whether this machine has GPUs for ranks that are started here, one each from `first` on.
// Unavailable, with both counts, if not.
absl::Status CheckGpusForRanks(int first, int ranks, int visible);

}  // namespace forensics::runner

#endif  // RUNNER_START_GPU_H_
