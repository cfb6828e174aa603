#include "runner/ops/attention.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

constexpr AttentionImpl kImplementations[] = {
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

}  // namespace

absl::StatusOr<AttentionImpl> FindAttention(std::string_view name) {
  for (const AttentionImpl& impl : kImplementations) {
    if (impl.name == name) return impl;
  }
  return absl::NotFoundError(absl::StrCat("attention_impl: expected one of ",
                                          absl::StrJoin(AttentionNames(), ", "), "; found \"",
                                          std::string(name), "\""));
}

std::vector<std::string> AttentionNames() {
  std::vector<std::string> names;
  for (const AttentionImpl& impl : kImplementations) names.emplace_back(impl.name);
  return names;
}

}  // namespace forensics::runner
