#include "runner/ops/swiglu.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/sigmoid.h>
#include <gtest/gtest.h>

#include <limits>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

class SwiGluTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(SwiGluTest, AgreesWithFloat64) {
  for (int64_t width : {128, 768, 16, 10, 1}) {
    const at::Tensor gate = (Noise({33, width}, 1) * 4).to(GetParam());
    const at::Tensor up = Noise({33, width}, 2).to(GetParam());
    const at::Tensor wide = gate.to(at::kDouble);
    const at::Tensor silu = (wide * at::sigmoid(wide)).to(GetParam()).to(at::kDouble);
    ExpectRelativeL2(SwiGlu(at::cat({gate, up}, 1)), silu * up.to(at::kDouble), Epsilon(GetParam()),
                     Epsilon(GetParam()) / 100);
  }
}

TEST_P(SwiGluTest, Extremes) {
  const double infinity = std::numeric_limits<double>::infinity();
  struct Case {
    double gate, up, expected;
  };
  for (const Case& c : {Case{-1e4, 3, -0.0}, {200, 2, 400}, {0, 5, 0}, {infinity, 1, infinity}}) {
    const at::Tensor row = at::cat({at::full({1, 1}, c.gate), at::full({1, 1}, c.up)}, 1);
    EXPECT_EQ(SwiGlu(row.to(GetParam())).item<double>(), c.expected) << c.gate;
  }
  const at::Tensor nan = at::full({1, 64}, std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(at::isnan(SwiGlu(nan.to(GetParam()))).all().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Dtypes, SwiGluTest, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
