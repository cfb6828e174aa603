// FlashAttention-2 (Dao 2023): tiles, online softmax, no score ever leaves the cache of a core.
#ifndef RUNNER_OPS_PORTABLE_FLASH_ATTENTION_H_
#define RUNNER_OPS_PORTABLE_FLASH_ATTENTION_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// Shapes as in attention.h, f32, bf16 or f16; head_dim even. Arithmetic in float32 (bf16 and f16
// are widened exactly), the result rounded once. The query heads that share a kv head read it in
// place. Bits depend neither on the instruction set nor on the number of threads.
//
// Several tokens: flash_tile.h. One token: the positions are cut into chunks of a fixed size, whose
// partial results are combined in order; scores are sums in sixteen fixed lanes.
at::Tensor PortableFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_PORTABLE_FLASH_ATTENTION_H_
