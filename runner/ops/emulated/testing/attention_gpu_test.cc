// libtorch's flash attention against its twin, on random calls.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "runner/ops/emulated/testing/this_gpu.h"
#include "runner/ops/parallel.h"
#include "runner/ops/tensor_core/flash_attention.h"

namespace forensics::runner {
namespace {

struct AttentionCase {
  const char* name;
  int64_t batch, heads, kv_heads, queries, keys, head_dim;
};
std::ostream& operator<<(std::ostream& out, const AttentionCase& c) { return out << c.name; }

const uint16_t* Bits(const at::Tensor& t) {
  return static_cast<const uint16_t*>(t.const_data_ptr());
}

class Attention : public testing::TestWithParam<AttentionCase> {};

TEST_P(Attention, HasTheGpusBits) {
  const AttentionCase& c = GetParam();
  for (const auto& [dtype, format] :
       {std::pair{at::kBFloat16, InputFormat::kBfloat16}, {at::kHalf, InputFormat::kFloat16}}) {
    const auto random = [&, type = dtype](int64_t heads, int64_t rows, double size) {
      return (at::randn({c.batch, heads, rows, c.head_dim}) * size).to(type);
    };
    const at::Tensor q = random(c.heads, c.queries, 2), k = random(c.kv_heads, c.keys, 2);
    const at::Tensor v = random(c.kv_heads, c.keys, 1);
    const bool is_causal = c.queries > 1;
    const auto gpu = at::_scaled_dot_product_flash_attention(
        q.to(at::kCUDA), k.to(at::kCUDA), v.to(at::kCUDA), 0.0, is_causal, false);
    const at::Tensor found = std::get<0>(gpu).cpu().contiguous();
    const FlashAttentionShape shape = {
        c.batch * c.heads, c.batch * c.kv_heads, c.queries, c.keys, c.head_dim, is_causal};
    const TensorCore& core = ThisTensorCore();
    std::vector<uint16_t> output(q.numel());
    std::vector<float> log_sum_exps(shape.heads * shape.queries);
    FlashAttention({core,
                    format,
                    shape,
                    {Bits(q), c.queries * c.head_dim, c.head_dim},
                    {Bits(k), c.keys * c.head_dim, c.head_dim},
                    {Bits(v), c.keys * c.head_dim, c.head_dim},
                    output.data(),
                    log_sum_exps.data()},
                   *PlanFlashAttention(shape, core.multiprocessors), ParallelFor);
    int64_t differences = 0;
    for (size_t i = 0; i < output.size(); ++i) differences += output[i] != Bits(found)[i];
    EXPECT_EQ(differences, 0) << "of " << output.size() << " in " << dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(Calls, Attention,
                         testing::Values(AttentionCase{"prefill_32", 1, 8, 4, 511, 511, 32},
                                         AttentionCase{"prefill_64", 1, 8, 8, 77, 77, 64},
                                         AttentionCase{"prefill_128", 1, 32, 4, 300, 300, 128},
                                         AttentionCase{"prefill_of_3", 3, 8, 4, 200, 200, 32},
                                         AttentionCase{"five_tokens", 1, 8, 4, 5, 5, 32},
                                         AttentionCase{"chunk", 1, 8, 4, 100, 700, 32},
                                         AttentionCase{"decode_32", 1, 8, 4, 1, 1025, 32},
                                         AttentionCase{"decode_128", 1, 32, 4, 1, 1999, 128},
                                         AttentionCase{"decode_of_4", 4, 8, 4, 1, 1025, 32},
                                         AttentionCase{"decode_of_8", 8, 32, 4, 1, 3001, 128}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::runner
