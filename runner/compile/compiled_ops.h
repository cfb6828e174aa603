// FusedOps compiled ahead of time by TorchInductor: what torch.compile makes of a model's parts
// between products, attention and expert grouping, which stay what they are without compilation
// (to torch.compile they are calls of libraries, or breaks of the graph).
//
// A package's code for CPUs is for AVX2 and FMA on every machine, and divides rows, never a sum,
// among threads: its bits depend on neither. Its kernels for GPUs are Triton's, of one compute
// capability.
#ifndef RUNNER_COMPILE_COMPILED_OPS_H_
#define RUNNER_COMPILE_COMPILED_OPS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runner/compile/package_key.h"
#include "runner/model/fused_ops.h"

namespace forensics::runner {

// Loads the package for `key` from `folder` (package_index.h, whose errors these are); a GPU has
// been started (runner/cuda/torch_library.h) where `key` is for one. FailedPrecondition if it is
// for a CPU and this one is without AVX2 and FMA, if the package says that it holds another
// model's code than its index says, or if this build's libtorch cannot load packages
// (no_compiled_ops.cc). libtorch's exceptions pass.
//
// Settings: "compiled_package", the SHA-256; "compiled_by": "AOTInductor of torch 2.11.0, AVX2" or
// "AOTInductor of torch 2.11.0, Triton 3.6.0, cuda sm_90".
// Regions are in the kernel log: "compiled/norm" (width=256).
absl::StatusOr<std::unique_ptr<FusedOps>> LoadCompiledOps(const std::string& folder,
                                                          const PackageKey& key);

}  // namespace forensics::runner

#endif  // RUNNER_COMPILE_COMPILED_OPS_H_
