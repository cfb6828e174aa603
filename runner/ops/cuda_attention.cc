#include "runner/ops/cuda_attention.h"

#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "runner/ops/attention_shape.h"

namespace forensics::runner {
namespace {

constexpr int64_t kQueryBlock = 1024;
constexpr int64_t kKeyMultiple = 8;

// [batch, heads, tokens, dim] -> [batch * tokens, heads * dim]
at::Tensor JoinHeads(const at::Tensor& out) { return out.transpose(1, 2).flatten(0, 1).flatten(1); }

// A cache's heads, each as often as queries read it: [batch, heads, length, dim].
at::Tensor ForEachQuery(const at::Tensor& cache, const AttentionShape& shape) {
  return cache.unsqueeze(2)
      .expand({shape.batch, shape.kv_heads, shape.group(), shape.length, shape.dim})
      .flatten(1, 2);
}

at::Tensor EfficientAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values, const AttentionShape& shape) {
  RecordAttention("attention/cuda_efficient", shape);
  return JoinHeads(std::get<0>(at::_scaled_dot_product_efficient_attention(
      queries, ForEachQuery(keys, shape), ForEachQuery(values, shape), /*attn_bias=*/std::nullopt,
      /*compute_log_sumexp=*/false, /*dropout_p=*/0.0, /*is_causal=*/shape.tokens > 1)));
}

// The first `visible` positions of a cache, then zeros: [batch * kv_heads, padded, dim].
at::Tensor PaddedPrefix(const at::Tensor& cache, int64_t visible, int64_t padded) {
  const at::Tensor prefix = cache.narrow(2, 0, visible).flatten(0, 1);
  return padded == visible ? prefix : at::constant_pad_nd(prefix, {0, 0, 0, padded - visible}, 0);
}

// The queries [first, first + count) of `shape`, over the keys that the last of them sees:
// [batch * kv_heads, group * count, dim].
at::Tensor EagerBlock(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                      const AttentionShape& shape, int64_t first, int64_t count) {
  const int64_t pairs = shape.batch * shape.kv_heads, group = shape.group();
  const int64_t visible = shape.length - shape.tokens + first + count;
  const int64_t padded = (visible + kKeyMultiple - 1) / kKeyMultiple * kKeyMultiple;
  const at::Tensor block = queries.view({pairs, group, shape.tokens, shape.dim})
                               .narrow(2, first, count)
                               .reshape({pairs, group * count, shape.dim});
  at::Tensor scores = at::bmm(block, PaddedPrefix(keys, visible, padded).transpose(1, 2));
  scores.mul_(1 / std::sqrt(static_cast<double>(shape.dim)));
  const at::Tensor hidden =
      at::ones({count, padded}, scores.options().dtype(at::kBool)).triu(visible - count + 1);
  scores.view({pairs, group, count, padded})
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  const at::Tensor weights = at::softmax(scores, -1, at::kFloat).to(scores.scalar_type());
  return at::bmm(weights, PaddedPrefix(values, visible, padded));
}

}  // namespace

at::Tensor CudaFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values) {
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  if (queries.scalar_type() == at::kFloat) {
    const bool is_whole = shape.tokens == shape.length || shape.tokens == 1;
    return is_whole ? EfficientAttention(queries, keys, values, shape)
                    : CudaEagerAttention(queries, keys, values);
  }
  RecordAttention("attention/cuda_flash", shape);
  return JoinHeads(std::get<0>(at::_scaled_dot_product_flash_attention(
      queries, keys, values, /*dropout_p=*/0.0, /*is_causal=*/shape.tokens > 1,
      /*return_debug_mask=*/false)));
}

at::Tensor CudaCudnnAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values) {
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  if (shape.tokens != shape.length || queries.scalar_type() == at::kFloat) {
    return CudaFlashAttention(queries, keys, values);
  }
  RecordAttention("attention/cudnn", shape);
  return JoinHeads(std::get<0>(at::_scaled_dot_product_cudnn_attention(
      queries, keys, values, /*attn_bias=*/std::nullopt, /*compute_log_sumexp=*/false,
      /*dropout_p=*/0.0, /*is_causal=*/true, /*return_debug_mask=*/false)));
}

at::Tensor CudaEagerAttention(const at::Tensor& queries, const at::Tensor& keys,
                              const at::Tensor& values) {
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  RecordAttention("attention/cuda_eager", shape);
  const int64_t pairs = shape.batch * shape.kv_heads;
  at::Tensor out = at::empty({pairs, shape.group(), shape.tokens, shape.dim}, queries.options());
  for (int64_t first = 0; first < shape.tokens; first += kQueryBlock) {
    const int64_t count = std::min(kQueryBlock, shape.tokens - first);
    out.narrow(2, first, count)
        .copy_(EagerBlock(queries, keys, values, shape, first, count)
                   .view({pairs, shape.group(), count, shape.dim}));
  }
  return JoinHeads(out.view({shape.batch, shape.heads, shape.tokens, shape.dim}));
}

}  // namespace forensics::runner
