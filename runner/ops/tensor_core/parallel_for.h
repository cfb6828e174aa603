// How functions that compute on several threads are given them.
#ifndef RUNNER_OPS_TENSOR_CORE_PARALLEL_FOR_H_
#define RUNNER_OPS_TENSOR_CORE_PARALLEL_FOR_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace forensics::runner {

// Calls its last argument on ranges that cover [0, count), each of at least `grain` indices.
using ParallelForFunction = absl::FunctionRef<void(int64_t count, int64_t grain,
                                                   absl::FunctionRef<void(int64_t, int64_t)>)>;

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_PARALLEL_FOR_H_
