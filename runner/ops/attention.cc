#include "runner/ops/attention.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "runner/ops/cuda_attention.h"
#include "runner/ops/eager_attention.h"
#include "runner/ops/flash_decode.h"
#include "runner/ops/libtorch_flash_attention.h"
#include "runner/ops/portable_flash_attention.h"

namespace forensics::runner {
namespace {

// As servers do: one kernel for the prompt, another for a single token over a long cache.
at::Tensor FlashAttention2(const at::Tensor& queries, const at::Tensor& keys,
                           const at::Tensor& values) {
  return queries.size(2) == 1 ? FlashDecode(queries, keys, values)
                              : LibtorchFlashAttention(queries, keys, values);
}

constexpr AttentionImpl kOnCpu[] = {
    {"flash_attention_2",
     "prefill: libtorch _scaled_dot_product_flash_attention_for_cpu; decode: own, chunks of 512",
     FlashAttention2},
    {"flash_attention_libtorch", "libtorch _scaled_dot_product_flash_attention_for_cpu",
     LibtorchFlashAttention},
    {"flash_attention_portable",
     "own, query tiles of 64, key blocks of 96; decode: own, chunks of 512",
     PortableFlashAttention},
    {"eager", "own: all scores, softmax over them, values in key blocks of 128", EagerAttention},
};

constexpr AttentionImpl kOnCuda[] = {
    {"flash_attention_2", "libtorch _scaled_dot_product_flash_attention; float32: _efficient_",
     CudaFlashAttention},
    {"eager",
     "libtorch bmm, softmax in float32, bmm, in blocks of 1024 queries; keys padded to a multiple "
     "of 8",
     CudaEagerAttention},
    {"cudnn", "prefill: libtorch _scaled_dot_product_cudnn_attention; decode: flash_attention_2",
     CudaCudnnAttention},
};

absl::Span<const AttentionImpl> ImplementationsOn(at::DeviceType device) {
  if (device == at::kCUDA) return kOnCuda;
  return kOnCpu;
}

}  // namespace

absl::StatusOr<AttentionImpl> FindAttention(std::string_view name, at::DeviceType device) {
  for (const AttentionImpl& impl : ImplementationsOn(device)) {
    if (impl.name == name) return impl;
  }
  return absl::NotFoundError(absl::StrCat("attention_impl: expected one of ",
                                          absl::StrJoin(AttentionNames(device), ", "), "; found \"",
                                          std::string(name), "\""));
}

std::vector<std::string> AttentionNames(at::DeviceType device) {
  std::vector<std::string> names;
  for (const AttentionImpl& impl : ImplementationsOn(device)) names.emplace_back(impl.name);
  return names;
}

}  // namespace forensics::runner
