#include "runner/ops/router.h"

#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

class RouterTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(RouterTest, AgreesWithFloat64) {
  for (const auto& [experts, slots] : {std::pair{8, 2}, {128, 8}, {10, 10}, {1, 1}}) {
    for (bool normalise : {false, true}) {
      const at::Tensor logits = Noise({200, experts}, 1).to(GetParam());
      const Routing found = RouteTokens(logits, slots, normalise);
      const auto [sorted, ids] =
          at::sort(at::softmax(logits.to(at::kDouble), -1), /*stable=*/true, -1, true);
      at::Tensor expected = sorted.narrow(1, 0, slots);
      if (normalise) expected = expected / expected.sum(-1, true);
      EXPECT_TRUE(found.experts.to(at::kLong).equal(ids.narrow(1, 0, slots)));
      ExpectRelativeL2(found.weights, expected, Epsilon(GetParam()) * 2,
                       experts == 1 ? 0 : Epsilon(GetParam()) / 200);
    }
  }
}

TEST_P(RouterTest, TiesGoToTheLowerId) {
  const Routing found = RouteTokens(at::zeros({3, 9}, GetParam()), 4, true);
  for (int64_t token = 0; token < 3; ++token) {
    for (int64_t slot = 0; slot < 4; ++slot) {
      EXPECT_EQ(found.experts[token][slot].item<int>(), slot);
      EXPECT_EQ(found.weights[token][slot].item<float>(), 0.25f);
    }
  }
}

TEST_P(RouterTest, WeightsAreValuesOfTheDtype) {
  const Routing found = RouteTokens(Noise({50, 16}, 2).to(GetParam()), 3, false);
  EXPECT_TRUE(found.weights.to(GetParam()).to(at::kFloat).equal(found.weights));
}

TEST_P(RouterTest, NotANumberStillNamesDistinctExperts) {
  const at::Tensor logits =
      at::full({1, 8}, std::numeric_limits<double>::quiet_NaN()).to(GetParam());
  const Routing found = RouteTokens(logits, 3, true);
  std::set<int> ids;
  for (int64_t slot = 0; slot < 3; ++slot) ids.insert(found.experts[0][slot].item<int>());
  EXPECT_EQ(ids, (std::set<int>{0, 1, 2}));
  EXPECT_TRUE(std::isnan(found.weights[0][0].item<float>()));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, RouterTest, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
