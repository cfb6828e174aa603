// What the manifest says of a GPU and of the libraries that compute on it.
#ifndef RUNNER_CUDA_GPU_INFO_H_
#define RUNNER_CUDA_GPU_INFO_H_

#include <map>
#include <string>

#include "runner/cuda/gpu.h"

namespace forensics::runner {

struct GpuInfo {
  Gpu gpu;
  // What can change bits: "gpu.name", "gpu.compute_capability", "gpu.sm_count", "gpu.mig",
  // "gpu.driver", "gpu.driver_cuda", and the versions of what is loaded: "cuda_runtime", "cublas",
  // "cublas_lt", "cudnn", "nccl".
  std::map<std::string, std::string> settings;
  // What cannot: "gpu.uuid", "gpu.pci_bus", "gpu.memory_bytes", and NVML's (nvml.h), as
  // "gpu.<name>".
  std::map<std::string, std::string> facts;
};

// Once libtorch_cuda is loaded (torch_library.h). What NVML would say is missing where there is no
// NVML.
GpuInfo DescribeGpu(const Gpu& gpu);

// How the GPU is doing at the moment, by NVML: "gpu.sm_clock_mhz" and so on. Cannot change bits.
std::map<std::string, std::string> ConditionOf(const Gpu& gpu);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_GPU_INFO_H_
