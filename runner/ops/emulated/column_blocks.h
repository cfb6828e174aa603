// Products cut into blocks of the weight's rows, which are the output's columns: threads share the
// blocks, and each has but its own block in the kernels' form.
#ifndef RUNNER_OPS_EMULATED_COLUMN_BLOCKS_H_
#define RUNNER_OPS_EMULATED_COLUMN_BLOCKS_H_

#include <algorithm>
#include <cstdint>

#include "runner/ops/tensor_core/parallel_for.h"

namespace forensics::runner {

inline constexpr int64_t kBlockColumns = 64;

// multiply(first, last) for blocks [first, last) that cover [0, columns).
template <typename Multiply>
void ForColumnBlocks(int64_t columns, ParallelForFunction parallel_for, const Multiply& multiply) {
  const int64_t blocks = (columns + kBlockColumns - 1) / kBlockColumns;
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      multiply(block * kBlockColumns, std::min(columns, (block + 1) * kBlockColumns));
    }
  });
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_COLUMN_BLOCKS_H_
