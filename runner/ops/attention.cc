#include "runner/ops/attention.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/ops/flash_attention.h"
#include "runner/ops/libtorch_flash_attention.h"

namespace forensics::runner {
namespace {

constexpr AttentionImpl kImplementations[] = {
    {"flash_attention_2", "own, query tiles of 64, key blocks of 96, decode chunks of 512",
     FlashAttention},
    {"flash_attention_libtorch", "libtorch _scaled_dot_product_flash_attention_for_cpu",
     LibtorchFlashAttention},
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
