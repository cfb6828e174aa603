// The model of the GPU that a check runs on.
#ifndef RUNNER_OPS_EMULATED_TESTING_THIS_GPU_H_
#define RUNNER_OPS_EMULATED_TESTING_THIS_GPU_H_

#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// By the name of the first GPU, which has been started; H100 for one that has no model of its own.
const TensorCore& ThisTensorCore();

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_TESTING_THIS_GPU_H_
