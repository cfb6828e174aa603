// Concurrent work on a GPU: matrix products on a second stream while inference runs on its own.
//
// Bursts of four products 4096 x 4096 x 4096 in bfloat16 (each large enough to fill all SMs, about
// 0.2 ms on an H100) are running half of the time: what nvidia-smi calls 50 % utilisation. The
// stream does not wait for inference's, nor inference's for it (non-blocking); a thread of its own
// enqueues them, so that cuBLAS gives them a handle and a work space of their own. When bursts and
// passes ran is measured by CUDA events, all from one origin.
#ifndef RUNNER_ENGINE_GPU_LOAD_H_
#define RUNNER_ENGINE_GPU_LOAD_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runner/engine/background_load.h"

namespace forensics::runner {

// On the GPU that is this thread's current one, beside work on its current stream.
absl::StatusOr<std::unique_ptr<BackgroundLoad>> StartGpuLoad();

// "second stream, 50% of the time: ...", for the manifest.
std::string DescribeGpuLoad();

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_GPU_LOAD_H_
