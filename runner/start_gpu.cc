#include "runner/start_gpu.h"

#include "absl/strings/str_cat.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"

namespace forensics::runner {

int GpuIndex(int first, const std::optional<RankEnvironment>& ranks, int visible) {
  if (!ranks.has_value() || (visible == 1 && first == 0)) return first;
  return first + ranks->local_rank;
}

absl::StatusOr<Gpu> StartGpu(int first, const std::optional<RankEnvironment>& ranks) {
  absl::StatusOr<Gpu> gpu = StartCuda(GpuIndex(first, ranks, CountGpus()), LibtorchCudaVersion());
  if (gpu.ok()) return gpu;
  return absl::Status(gpu.status().code(), absl::StrCat("--device=cuda: ", gpu.status().message()));
}

absl::Status CheckGpusForRanks(int first, int ranks, int visible) {
  if (first + ranks <= visible) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("needs ", ranks, " GPUs",
                                             first == 0 ? "" : absl::StrCat(" from ", first, " on"),
                                             ", found ", visible));
}

}  // namespace forensics::runner
