// The dimensions of a call of attention, and its entry in the kernel log. Internal to //runner/ops.
#ifndef RUNNER_OPS_ATTENTION_SHAPE_H_
#define RUNNER_OPS_ATTENTION_SHAPE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/ops/kernel_log.h"

namespace forensics::runner {

// Of queries [batch, heads, tokens, dim] over keys [batch, kv_heads, length, dim].
struct AttentionShape {
  int64_t batch, heads, kv_heads, tokens, length, dim;
  int64_t group() const { return heads / kv_heads; }

  static AttentionShape Of(const at::Tensor& queries, const at::Tensor& keys) {
    return {queries.size(0), queries.size(1), keys.size(1),
            queries.size(2), keys.size(2),    keys.size(3)};
  }
};

// `kernel` is a literal.
inline void RecordAttention(const char* kernel, const AttentionShape& shape) {
  RecordKernel(kernel,
               {{"heads", shape.heads}, {"kv_heads", shape.kv_heads}, {"head_dim", shape.dim}},
               shape.batch * shape.tokens);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_ATTENTION_SHAPE_H_
