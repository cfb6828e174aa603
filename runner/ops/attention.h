// Causal attention over a key-value cache: the table of implementations.
#ifndef RUNNER_OPS_ATTENTION_H_
#define RUNNER_OPS_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace forensics::runner {

// queries [batch, heads, tokens, head_dim], contiguous; keys and values [batch, kv_heads, length,
// head_dim] as a cache holds them: strided, innermost contiguous, batch and kv_heads laid out so
// that they merge into one dimension. Query head h reads kv head h / (heads / kv_heads). The
// queries are those of the last `tokens` of `length` positions; each sees itself and what is before
// it. Scores are scaled by 1 / sqrt(head_dim). Returns [batch * tokens, heads * head_dim].
using AttentionFunction = at::Tensor (*)(const at::Tensor& queries, const at::Tensor& keys,
                                         const at::Tensor& values);

struct AttentionImpl {
  std::string_view name;    // as in RunConfig: attention_impl
  std::string_view kernel;  // what runs under this name, for the manifest
  AttentionFunction function;
};

// Of the implementations for tensors on `device`, kCPU or kCUDA. NotFound, listing the known names,
// for any other.
absl::StatusOr<AttentionImpl> FindAttention(std::string_view name, at::DeviceType device);

std::vector<std::string> AttentionNames(at::DeviceType device);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_ATTENTION_H_
