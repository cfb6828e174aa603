// FlashAttention-2 (Dao 2023) as libtorch implements it for CPUs.
#ifndef RUNNER_OPS_LIBTORCH_FLASH_ATTENTION_H_
#define RUNNER_OPS_LIBTORCH_FLASH_ATTENTION_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// Shapes as in attention.h. Keys and values are read in place: the query heads that share a kv head
// become a dimension along which keys and values have stride 0 or, where there is one token, rows.
// The bits depend on libtorch's CPU capability (ATEN_CPU_CAPABILITY).
at::Tensor LibtorchFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& values);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_LIBTORCH_FLASH_ATTENTION_H_
