// libtorch's cache of GPU memory.
#ifndef RUNNER_CUDA_MEMORY_H_
#define RUNNER_CUDA_MEMORY_H_

namespace forensics::runner {

// Gives the memory that libtorch keeps for later back to the GPU, so that a fresh state is
// allocated as the first one was.
void ReleaseCachedMemory();

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_MEMORY_H_
