#include "runner/ops/linear.h"

#include <ATen/Parallel.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

class LinearTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(LinearTest, AgreesWithFloat64) {
  for (const auto& [rows, in, out] : {std::tuple{1, 256, 512},
                                      {1, 100, 37},
                                      {1, 2048, 5},
                                      {1, 7, 1},
                                      {3, 256, 64},
                                      {40, 100, 37}}) {
    for (bool has_bias : {false, true}) {
      const at::Tensor x = Noise({rows, in}, 1).to(GetParam());
      const at::Tensor weight = Noise({out, in}, 2).to(GetParam());
      const at::Tensor bias = has_bias ? Noise({out}, 3).to(GetParam()) : at::Tensor();
      at::Tensor expected = at::matmul(x.to(at::kDouble), weight.to(at::kDouble).t());
      if (has_bias) expected = expected + bias.to(at::kDouble);
      // float32: the sum's own roundings, a few; else: one rounding of the result.
      const double upper = Epsilon(GetParam()) * (GetParam() == at::kFloat ? 4 : 1);
      ExpectRelativeL2(Linear(x, weight, bias), expected, upper,
                       out == 1 ? 0 : Epsilon(GetParam()) / 100);
    }
  }
}

TEST_P(LinearTest, OneRowHasTheSameBitsForAnyNumberOfThreads) {
  const at::Tensor x = Noise({1, 1000}, 1).to(GetParam());
  const at::Tensor weight = Noise({3001, 1000}, 2).to(GetParam());
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = Linear(x, weight);
  for (int count : {2, 3, 7}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(Linear(x, weight), one)) << count << " threads";
  }
  at::set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, LinearTest, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
