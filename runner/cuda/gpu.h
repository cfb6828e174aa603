// One of this machine's GPUs, and whether this program can run on it.
#ifndef RUNNER_CUDA_GPU_H_
#define RUNNER_CUDA_GPU_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/cuda/driver.h"

namespace forensics::runner {

struct Gpu {
  int index = 0;             // among those that the process sees
  std::string name;          // "NVIDIA H100 80GB HBM3"
  std::string uuid;          // "GPU-01234567-89ab-cdef-0123-456789abcdef"
  std::string pci_bus;       // "0000:18:00.0", as the kernel's log names it
  int major = 0, minor = 0;  // compute capability
  int sm_count = 0;
  int64_t memory_bytes = 0;
  int driver_cuda = 0;  // newest CUDA that the driver serves: 1000 * major + 10 * minor
};

// Whether a driver that serves CUDA `driver_cuda` (as above) runs programs built for `build_cuda`
// ("12.8"): any driver of that major version does. FailedPrecondition naming both.
absl::Status CheckDriverVersion(int driver_cuda, absl::string_view build_cuda);

// Starts the driver and describes GPU `index`. FailedPrecondition where the driver is too old for
// `build_cuda`, there is no such GPU, or our kernels have no machine code for it.
absl::StatusOr<Gpu> FindGpu(const CudaDriver& driver, int index, absl::string_view build_cuda);

// How many GPUs the process sees; 0 where there is no driver.
int CountGpus();

// 13000 -> "13.0".
std::string CudaVersionText(int version);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_GPU_H_
