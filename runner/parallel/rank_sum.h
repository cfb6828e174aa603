// The sum over ranks, in the order of the ranks.
#ifndef RUNNER_PARALLEL_RANK_SUM_H_
#define RUNNER_PARALLEL_RANK_SUM_H_

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

namespace forensics::runner {

// out[i] = ((parts[0][i] + parts[1][i]) + parts[2][i]) + ..., in float32, rounded once to `type`
// (float32, bfloat16 or float16). parts and out hold `count` elements; out may be one of parts.
void SumInRankOrder(const std::vector<const void*>& parts, int64_t count, c10::ScalarType type,
                    void* out);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_RANK_SUM_H_
