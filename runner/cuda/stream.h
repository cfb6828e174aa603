// Where this thread's kernels go.
#ifndef RUNNER_CUDA_STREAM_H_
#define RUNNER_CUDA_STREAM_H_

#include "runner/cuda/driver.h"

namespace forensics::runner {

// The stream that kernels of this thread are launched on: the legacy default stream, which is
// libtorch's current one, unless a StreamScope says otherwise.
CUstream CurrentStream();

// Returns when everything on CurrentStream() is done. Throws CudaError, also for what failed there.
void WaitForCurrentStream();

// Makes `stream` this thread's current one for its own lifetime; libtorch's is not changed.
class StreamScope {
 public:
  explicit StreamScope(CUstream stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  CUstream before_;
};

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_STREAM_H_
