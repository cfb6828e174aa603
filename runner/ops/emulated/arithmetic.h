// Which arithmetic the twins have: what a manifest says beside a GPU's name.
#ifndef RUNNER_OPS_EMULATED_ARITHMETIC_H_
#define RUNNER_OPS_EMULATED_ARITHMETIC_H_

#include <string>

#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// Of all that is code and no table: kernels' twins, fused dot-adds, flash attention. Raised with
// each change after which any bit of an emulated run may be another; the golden digests of
// emulated_language_model_test say when.
inline constexpr int kTwinsVersion = 1;

// SHA-256 of all that an emulated GPU's bits follow from but model and prompt: its core and product
// recipes, how flash attention divides calls, the tables of special functions, kTwinsVersion. The
// same digest, the same bits. Other GPUs' lines do not change it.
std::string ArithmeticDigest(const TensorCore& core);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_ARITHMETIC_H_
