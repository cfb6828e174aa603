#include "runner/ops/emulated/testing/this_gpu.h"

#include <string>

#include "absl/strings/match.h"
#include "runner/cuda/gpu_label.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"

namespace forensics::runner {

const TensorCore& ThisTensorCore() {
  static const TensorCore& core = []() -> const TensorCore& {
    const auto gpu = StartCuda(0, LibtorchCudaVersion());
    const std::string label = gpu.ok() ? GpuLabel(gpu->name) : "";
    for (const TensorCore& known : kTensorCores) {
      if (absl::StartsWith(label, known.gpu)) return known;
    }
    return kH100TensorCore;
  }();
  return core;
}

}  // namespace forensics::runner
