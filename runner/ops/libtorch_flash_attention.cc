#include "runner/ops/libtorch_flash_attention.h"

#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/full.h>

#include <limits>
#include <optional>

#include "runner/ops/attention_shape.h"

namespace forensics::runner {
namespace {

// [tokens, length]: 0 where a query may look, minus infinity elsewhere.
at::Tensor CausalMask(int64_t tokens, int64_t length, at::ScalarType dtype) {
  return at::full({tokens, length}, -std::numeric_limits<double>::infinity(), dtype)
      .triu(length - tokens + 1);
}

at::Tensor Run(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
               bool causal, const std::optional<at::Tensor>& mask = std::nullopt) {
  return std::get<0>(at::_scaled_dot_product_flash_attention_for_cpu(
      queries, keys, values, /*dropout_p=*/0.0, causal, mask));
}

}  // namespace

at::Tensor LibtorchFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& values) {
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  RecordAttention("attention/libtorch_flash", shape);
  const int64_t batch = shape.batch, heads = shape.heads, tokens = shape.tokens;
  const int64_t kv_heads = shape.kv_heads, length = shape.length, dim = shape.dim;
  const int64_t group = shape.group();
  if (tokens == 1) {
    const at::Tensor out =
        Run(queries.view({batch, kv_heads, group, dim}), keys, values, /*causal=*/false);
    return out.reshape({batch, heads * dim});
  }
  const auto shared = [&](const at::Tensor& cache) {
    return cache.flatten(0, 1).unsqueeze(1).expand({batch * kv_heads, group, length, dim});
  };
  const at::Tensor grouped = queries.view({batch * kv_heads, group, tokens, dim});
  const at::Tensor out = tokens == length
                             ? Run(grouped, shared(keys), shared(values), /*causal=*/true)
                             : Run(grouped, shared(keys), shared(values), /*causal=*/false,
                                   CausalMask(tokens, length, queries.scalar_type()));
  return out.view({batch, kv_heads, group, tokens, dim})
      .permute({0, 3, 1, 2, 4})
      .reshape({batch * tokens, heads * dim});
}

}  // namespace forensics::runner
