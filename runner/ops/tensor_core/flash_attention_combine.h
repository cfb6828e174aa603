// What flash_fwd_splitkv_combine_kernel does to the splits of one query. Internal to
// flash_attention.
#ifndef RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_COMBINE_H_
#define RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_COMBINE_H_

#include <cstdint>

namespace forensics::runner {

// Split i's log-sum-exp is log_sum_exps[i * stride], its output [head_dim] is at
// outputs + i * stride * head_dim. The first split's output becomes the combined one; returns the
// combined log-sum-exp.
float CombineSplits(int splits, int64_t head_dim, int64_t stride, const float* log_sum_exps,
                    float* outputs);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_COMBINE_H_
