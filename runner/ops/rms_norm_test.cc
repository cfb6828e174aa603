#include "runner/ops/rms_norm.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rsqrt.h>
#include <gtest/gtest.h>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

class RmsNormTest : public testing::TestWithParam<at::ScalarType> {};

// Exact but for one rounding of the normalised value to the dtype, as Hugging Face has it.
at::Tensor Reference(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(at::kDouble);
  const at::Tensor normal = wide * at::rsqrt(wide.square().mean(-1, true) + eps);
  return normal.to(x.scalar_type()).to(at::kDouble) * weight.to(at::kDouble);
}

TEST_P(RmsNormTest, AgreesWithFloat64) {
  for (int64_t width : {256, 32, 2048, 10, 3, 100}) {
    const at::Tensor x = (Noise({37, width}, 1) * 5).to(GetParam());
    const at::Tensor weight = Noise({width}, 2).to(GetParam());
    ExpectRelativeL2(RmsNorm(x, weight, 1e-6), Reference(x, weight, 1e-6), Epsilon(GetParam()),
                     Epsilon(GetParam()) / 100);
  }
}

TEST_P(RmsNormTest, EpsilonCountsForSmallRows) {
  const at::Tensor x = (Noise({3, 64}, 1) * 1e-3).to(GetParam());
  const at::Tensor weight = Noise({64}, 2).to(GetParam());
  ExpectRelativeL2(RmsNorm(x, weight, 1e-5), Reference(x, weight, 1e-5), Epsilon(GetParam()) * 2,
                   0);
}

TEST_P(RmsNormTest, AddsTheResidualFirst) {
  for (int64_t width : {256, 10}) {
    at::Tensor residual = Noise({5, width}, 3).to(GetParam());
    const at::Tensor x = Noise({5, width}, 4).to(GetParam());
    const at::Tensor weight = Noise({width}, 2).to(GetParam());
    const at::Tensor sum = residual + x;
    const at::Tensor out = AddRmsNorm(residual, x, weight, 1e-6);
    EXPECT_TRUE(at::equal(residual, sum)) << "one addition, rounded once";
    EXPECT_TRUE(at::equal(out, RmsNorm(sum, weight, 1e-6)));
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, RmsNormTest, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
