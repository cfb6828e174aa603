// What a GPU is called in results.
#ifndef RUNNER_CUDA_GPU_LABEL_H_
#define RUNNER_CUDA_GPU_LABEL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

// The label of the class of hardware that the driver calls `name`: "NVIDIA A100-SXM4-80GB" ->
// "A100-80GB", "NVIDIA H100 80GB HBM3" -> "H100", "NVIDIA H200" -> "H200". Brand, form factor and
// kind of memory are left out of well-known names; a part of a GPU (MIG) keeps its size. Of other
// names the brand alone goes.
std::string GpuLabel(absl::string_view name);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_GPU_LABEL_H_
