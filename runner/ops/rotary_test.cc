#include "runner/ops/rotary.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

#include "runner/ops/rms_norm.h"
#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

struct Shape {
  const char* name;
  int64_t batch, tokens, heads, kv_heads, dim;
};

class SplitHeadsTest : public testing::TestWithParam<std::tuple<at::ScalarType, Shape, bool>> {
 protected:
  void SetUp() override {
    const auto& [dtype, s, has_norms] = GetParam();
    qkv_ = Noise({s.batch * s.tokens, (s.heads + 2 * s.kv_heads) * s.dim}, 1).to(dtype);
    const at::Tensor angles = Noise({s.tokens, s.dim / 2}, 2) * 100;
    table_ = {angles.cos().to(dtype).to(at::kFloat), angles.sin().to(dtype).to(at::kFloat)};
    if (has_norms) norms_ = {Noise({s.dim}, 3).to(dtype), Noise({s.dim}, 4).to(dtype), 1e-6};
    cache_keys_ = at::zeros({s.batch, s.kv_heads, s.tokens + 9, s.dim}, dtype);
    cache_values_ = at::zeros_like(cache_keys_);
  }

  // Heads [first, first + count) of the product: [batch, count, tokens, dim].
  at::Tensor Heads(int64_t first, int64_t count) const {
    const Shape& s = std::get<1>(GetParam());
    return qkv_.view({s.batch, s.tokens, s.heads + 2 * s.kv_heads, s.dim})
        .narrow(2, first, count)
        .transpose(1, 2)
        .contiguous();
  }

  // Hugging Face's apply_rotary_pos_emb, operation by operation in the dtype.
  at::Tensor Rotate(const at::Tensor& x, const at::Tensor& norm) const {
    const auto& [dtype, s, has_norms] = GetParam();
    const at::Tensor normal =
        has_norms ? RmsNorm(x.view({-1, s.dim}), norm, norms_.eps).view(x.sizes()) : x;
    const at::Tensor cos = at::cat({table_.cos, table_.cos}, -1).to(dtype);
    const at::Tensor sin = at::cat({table_.sin, table_.sin}, -1).to(dtype);
    const at::Tensor half =
        at::cat({-normal.narrow(-1, s.dim / 2, s.dim / 2), normal.narrow(-1, 0, s.dim / 2)}, -1);
    return normal * cos + half * sin;
  }

  at::Tensor qkv_, cache_keys_, cache_values_;
  RotaryTable table_;
  HeadNorms norms_;
};

TEST_P(SplitHeadsTest, IsBitForBitWhatItsPartsGive) {
  const Shape& s = std::get<1>(GetParam());
  at::Tensor keys = cache_keys_.narrow(2, 4, s.tokens),
             values = cache_values_.narrow(2, 4, s.tokens);
  const at::Tensor queries = SplitHeads(qkv_, norms_, table_, keys, values);
  EXPECT_TRUE(queries.is_contiguous());
  EXPECT_TRUE(at::equal(queries, Rotate(Heads(0, s.heads), norms_.query)));
  EXPECT_TRUE(at::equal(keys, Rotate(Heads(s.heads, s.kv_heads), norms_.key)));
  EXPECT_TRUE(at::equal(values, Heads(s.heads + s.kv_heads, s.kv_heads)));
  for (const at::Tensor& cache : {cache_keys_, cache_values_}) {
    EXPECT_EQ(cache.narrow(2, 0, 4).abs().sum().item<float>(), 0) << "before the new places";
    EXPECT_EQ(cache.narrow(2, 4 + s.tokens, 5).abs().sum().item<float>(), 0) << "after them";
  }
}

INSTANTIATE_TEST_SUITE_P(All, SplitHeadsTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                                          testing::Values(Shape{"mini", 1, 20, 8, 4, 32},
                                                          Shape{"large", 2, 3, 8, 1, 128},
                                                          Shape{"step", 3, 1, 2, 2, 64},
                                                          Shape{"odd", 1, 5, 3, 1, 10}),
                                          testing::Bool()),
                         [](const auto& info) {
                           return std::string(c10::toString(std::get<0>(info.param))) + "_" +
                                  std::get<1>(info.param).name +
                                  (std::get<2>(info.param) ? "_norms" : "_plain");
                         });

}  // namespace
}  // namespace forensics::runner
