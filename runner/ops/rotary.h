// From one fused query-key-value product to the queries of attention and the cache's new entries.
#ifndef RUNNER_OPS_ROTARY_H_
#define RUNNER_OPS_ROTARY_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// Cosines and sines of the angles position * frequency, [tokens, head_dim / 2] float32, already
// rounded to the compute dtype as Hugging Face rounds them.
struct RotaryTable {
  at::Tensor cos;
  at::Tensor sin;
};

// RMSNorm over head_dim on queries and keys (Qwen3); undefined weights leave it out.
struct HeadNorms {
  at::Tensor query;  // [head_dim]
  at::Tensor key;    // [head_dim]
  double eps = 0;
};

// Splits qkv [batch * tokens, (heads + 2 * kv_heads) * head_dim] into heads, normalises and rotates
// queries and keys, writes keys and values into `keys` and `values` [batch, kv_heads, tokens,
// head_dim] (slices of a cache: strided, innermost contiguous) and returns the queries [batch,
// heads, tokens, head_dim], contiguous. One pass; all tensors of one dtype (f32, bf16, f16).
//
// Rotation is Hugging Face's rotate_half form: x * cos + rotate_half(x) * sin with either product
// and the sum rounded to the dtype.
at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                      at::Tensor& keys, at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_ROTARY_H_
