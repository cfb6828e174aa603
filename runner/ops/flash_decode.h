// Attention of one token a sequence over its cache: bound by the memory that holds the cache.
#ifndef RUNNER_OPS_FLASH_DECODE_H_
#define RUNNER_OPS_FLASH_DECODE_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// queries [batch, heads, 1, head_dim]; otherwise as FlashAttention -> [batch, heads * head_dim].
at::Tensor FlashDecode(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_FLASH_DECODE_H_
