// The CPU twin of libtorch's flash attention on a Hopper GPU (torch 2.11,
// pytorch_flash::flash_fwd_kernel, flash_fwd_splitkv_kernel and flash_fwd_splitkv_combine_kernel):
// every bit of the output and of the log-sum-exps equals that of the measured calls.
//
// softmax(q k^T / sqrt(head_dim)) v, one query's arithmetic:
// * Key blocks are walked over from the last to the first (flash_attention_plan.h). Scores s, and
//   then the output o, are chains of fused dot-adds over 16 columns, or keys, at a time; the
//   output's goes on from block to block. Keys that are not seen have a score of minus infinity.
// * p = exp2(s c - m c), m the largest score so far and c = log2(e) / sqrt(head_dim), a product of
//   float64 rounded to float32; products and difference are rounded apart. p is rounded to the
//   input type for the product with v, not for the sum.
// * When m grows, o is multiplied by r = exp2((m_before - m) c), and the sums' first
//   addition becomes one fused multiply-add by r. There are four sums, each of two columns in every
//   eight, in ascending order; at the end (s0 + s2) + (s1 + s3).
// * o is multiplied by 1 / sum, correctly rounded. The log-sum-exp is the fused m / sqrt(head_dim)
//   plus __logf(sum).
// * Splits: outputs stay float32. e^(l - max l) of the splits' log-sum-exps l are added by 128
//   threads, each its own in ascending order, then in a tree; with L = logf(sum) + max l, the
//   output is the chain of fused multiply-adds by e^(l - L) over the splits in order.
#ifndef RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_H_
#define RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_H_

#include <cstdint>

#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/flash_attention_plan.h"
#include "runner/ops/tensor_core/parallel_for.h"

namespace forensics::runner {

// A tensor [heads, rows, head_dim] of 16-bit numbers; strides in elements, columns side by side.
struct HeadRows {
  const uint16_t* values;
  int64_t head_stride;
  int64_t row_stride;

  const uint16_t* Row(int64_t head, int64_t row) const {
    return values + head * head_stride + row * row_stride;
  }
};

struct FlashAttentionCall {
  TensorCore core;
  InputFormat format;
  FlashAttentionShape shape;
  HeadRows queries;
  HeadRows keys;
  HeadRows values;
  uint16_t* output;     // [heads, queries, head_dim], row-major
  float* log_sum_exps;  // [heads, queries]
};

// `plan` is PlanFlashAttention's for the call's shape. The bits do not depend on parallel_for.
void FlashAttention(const FlashAttentionCall& call, const FlashAttentionPlan& plan,
                    ParallelForFunction parallel_for);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_FLASH_ATTENTION_H_
