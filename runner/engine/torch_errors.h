// The seam at which what libtorch, the CUDA driver and a Communicator throw becomes Status.
#ifndef RUNNER_ENGINE_TORCH_ERRORS_H_
#define RUNNER_ENGINE_TORCH_ERRORS_H_

#include <exception>
#include <type_traits>

#include "absl/status/status.h"
#include "runner/cuda/gpu.h"

namespace forensics::runner {

// ResourceExhausted where memory ran out, of the GPU or of the machine: how much was asked for, how
// much there was, what to do. Aborted for a rank that was lost. Else Internal; an error after which
// a GPU serves this process no more names `gpu` (null: unknown), CUDA's error, and where the kernel
// tells more.
absl::Status StatusOf(const std::exception& error, const Gpu* gpu);

// Of the GPU that this process computes on.
absl::Status StatusOf(const std::exception& error);

// Whether an error was seen after which the GPU serves this process no more; another process may
// still use it.
bool GpuIsLost();

// Runs `function`, which returns a StatusOr or a Status, and turns what is thrown into an error.
template <typename Function>
std::invoke_result_t<Function> CatchTorch(const Function& function) {
  try {
    return function();
  } catch (const std::exception& error) {
    return StatusOf(error);
  }
}

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_TORCH_ERRORS_H_
