#include "runner/ops/experts.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "runner/ops/swiglu.h"
#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

constexpr int64_t kExperts = 6, kHidden = 40, kWidth = 24, kSlots = 3;

// In float64, token by token; routing weights are taken as they are.
at::Tensor Reference(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights) {
  at::Tensor out = at::zeros({x.size(0), kHidden}, at::kDouble);
  for (int64_t t = 0; t < x.size(0); ++t) {
    for (int64_t s = 0; s < kSlots; ++s) {
      const int64_t e = routing.experts[t][s].item<int>();
      const at::Tensor both = at::matmul(weights.gate_up[e].to(at::kDouble), x[t].to(at::kDouble));
      const at::Tensor gate = both.narrow(0, 0, kWidth), up = both.narrow(0, kWidth, kWidth);
      out[t] += routing.weights[t][s].to(at::kDouble) *
                at::matmul(weights.down[e].to(at::kDouble), gate * at::sigmoid(gate) * up);
    }
  }
  return out;
}

class ExpertsTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  ExpertWeights weights_ = {(Noise({kExperts, 2 * kWidth, kHidden}, 1) * 0.2).to(GetParam()),
                            (Noise({kExperts, kHidden, kWidth}, 2) * 0.2).to(GetParam())};
  at::Tensor Tokens(int64_t count) const { return Noise({count, kHidden}, 3).to(GetParam()); }
  // Prefers high ids, so that expert 0 has no token.
  Routing Route(int64_t tokens) const {
    at::Tensor logits = Noise({tokens, kExperts}, 4);
    logits.select(1, 0).fill_(-100);
    return RouteTokens(logits.to(GetParam()), kSlots, true);
  }
};

TEST_P(ExpertsTest, AgreesWithFloat64) {
  for (int64_t tokens : {1, 2, 50}) {
    const at::Tensor x = Tokens(tokens);
    const Routing routing = Route(tokens);
    // Four roundings to the dtype on the way: gate and up, silu, product, down.
    ExpectRelativeL2(MixExperts(x, routing, weights_, SwiGlu), Reference(x, routing, weights_),
                     Epsilon(GetParam()) * 4, Epsilon(GetParam()) / 100);
  }
}

TEST_P(ExpertsTest, SlotOrderIsTheOrderOfAddition) {
  // The same experts in another order of slots: another order of float32 additions.
  const at::Tensor x = Tokens(50);
  Routing routing = Route(50), swapped = Route(50);
  swapped.experts = routing.experts.flip(1);
  swapped.weights = routing.weights.flip(1);
  const at::Tensor a = MixExperts(x, routing, weights_, SwiGlu),
                   b = MixExperts(x, swapped, weights_, SwiGlu);
  EXPECT_TRUE(at::equal(a, MixExperts(x, routing, weights_, SwiGlu))) << "two runs";
  ExpectRelativeL2(a, b, Epsilon(GetParam()), GetParam() == at::kFloat ? 1e-12 : 0);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ExpertsTest, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
