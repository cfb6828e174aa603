// Work shared among the threads of libtorch's own pool.
#ifndef RUNNER_OPS_PARALLEL_H_
#define RUNNER_OPS_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace forensics::runner {

// Calls f(begin, end) on disjoint ranges that cover [0, count), each of at least `grain` indices
// except the last; at most at::get_num_threads() of them, all at the same time. f must compute an
// index the same way in whatever range it falls.
void ParallelFor(int64_t count, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_PARALLEL_H_
