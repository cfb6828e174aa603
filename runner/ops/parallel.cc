#include "runner/ops/parallel.h"

#include <ATen/Parallel.h>

namespace forensics::runner {

void ParallelFor(int64_t count, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f) {
  at::parallel_for(0, count, grain, f);
}

}  // namespace forensics::runner
