// Launching our own kernels, whose machine code is embedded in this program.
#ifndef RUNNER_CUDA_KERNEL_H_
#define RUNNER_CUDA_KERNEL_H_

#include <atomic>
#include <cstdint>

#include "runner/cuda/driver.h"
#include "third_party/nvrtc/cubins.h"

namespace forensics::runner {

struct Launch {
  int64_t blocks[3] = {1, 1, 1};
  int threads = 1;
  int shared_bytes = 0;  // dynamic shared memory
  // May start before the kernel before it in the stream has ended; it then waits for it itself
  // (griddepcontrol.wait). Taken as false where the GPU is older than sm_90.
  bool overlaps_previous = false;
  // All blocks run at the same time, or the launch is an error: they may wait for each other. Not
  // together with overlaps_previous.
  bool cooperative = false;
};

// One __global__ function. A process uses one GPU: the function is loaded into the context that is
// current at its first launch. Objects are static constants beside the host function that launches
// them.
class CudaKernel {
 public:
  // `name` is the extern "C" name, a literal.
  constexpr CudaKernel(const nvrtc::Cubins& cubins, const char* name)
      : cubins_(&cubins), name_(name) {}

  // Launches on CurrentStream(). The arguments' types must be exactly the kernel's parameters':
  // pointers (const or not), int, float, int64_t. Throws CudaError, also where no machine code for
  // this GPU is embedded.
  template <typename... Args>
  void operator()(const Launch& launch, Args... args) const {
    void* pointers[] = {const_cast<void*>(static_cast<const void*>(&args))...};
    Enqueue(launch, pointers);
  }

  const char* name() const { return name_; }

 private:
  void Enqueue(const Launch& launch, void** arguments) const;
  CUfunction Load() const;

  const nvrtc::Cubins* cubins_;
  const char* name_;
  mutable std::atomic<CUfunction> function_{nullptr};
};

// An attribute of the current GPU. Throws CudaError.
int GpuAttribute(CUdevice_attribute attribute);

// The number that our machine code is found by for the current GPU: 80 for compute capability 8.x,
// 90 for 9.x. Throws CudaError.
int ThisArchitecture();

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_KERNEL_H_
