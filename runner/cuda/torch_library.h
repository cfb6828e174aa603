// The CUDA half of libtorch. Nothing links with it: a program that is asked for a GPU loads it, and
// with it CUDA's libraries; from then on libtorch's operations work on CUDA tensors.
#ifndef RUNNER_CUDA_TORCH_LIBRARY_H_
#define RUNNER_CUDA_TORCH_LIBRARY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/cuda/gpu.h"

namespace forensics::runner {

// Makes GPU `index` this thread's current one. Before anything else asks libtorch about CUDA, which
// remembers what it found. `build_cuda` is the CUDA version that this program is built for. Errors
// say which part is missing or too old: the driver, a GPU, libtorch_cuda, a library of CUDA.
absl::StatusOr<Gpu> StartCuda(int index, absl::string_view build_cuda);

// The GPU that StartCuda made current; null before. A process uses one.
const Gpu* StartedGpu();

// FailedPrecondition, naming file and versions, unless this process runs with the libtorch that the
// program is built with: a program that was carried elsewhere takes what LD_LIBRARY_PATH brings.
// StartCuda asks this, too.
absl::Status CheckLoadedTorch();

// The parts of StartCuda that are of use by themselves:

// FailedPrecondition unless the libtorch that is `loaded` is the one that this program is `built`
// with. Both as TORCH_ABI_VERSION: major, minor and patch in the highest bytes.
absl::Status CheckSameTorch(uint64_t loaded, uint64_t built);

// Loads libtorch_cuda.so from where this process's libtorch_cpu.so lies. Needs no GPU.
absl::Status LoadTorchCudaOfThisProcess(absl::string_view build_cuda);

// Loads libtorch_cuda.so from `folder`, where libtorch_cpu.so came from, so that the two are of one
// version.
absl::Status LoadTorchCuda(const std::string& folder, absl::string_view build_cuda);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_TORCH_LIBRARY_H_
