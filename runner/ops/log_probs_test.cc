#include "runner/ops/log_probs.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class LogProbsTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(LogProbsTest, AgreeWithFloat64) {
  const at::Tensor logits = (Noise({4, 4099}, 1) * 6).to(GetParam());
  const at::Tensor exact = at::log_softmax(logits.to(at::kDouble), -1);
  const auto top = TopLogProbs(logits, 10);
  ASSERT_TRUE(top.ok()) << top.status();
  const auto [sorted, ids] = at::sort(exact, /*stable=*/true, -1, /*descending=*/true);
  EXPECT_TRUE(top->ids.equal(ids.narrow(1, 0, 10)));
  // Rounded once from double: half an ULP, and float32 it must be.
  ExpectRelativeL2(top->log_probs, sorted.narrow(1, 0, 10), 0x1p-24, 0x1p-30);
  const at::Tensor wanted = at::arange(4 * 7).view({4, 7}) * 140;
  const auto found = LogProbsAt(logits, wanted);
  ASSERT_TRUE(found.ok()) << found.status();
  ExpectRelativeL2(*found, exact.gather(1, wanted), 0x1p-24, 0x1p-30);
}

TEST_P(LogProbsTest, TiesGoToTheLowerId) {
  const at::Tensor logits = at::tensor({1.f, 3.f, 3.f, 2.f, 3.f}).view({1, 5}).to(GetParam());
  const auto top = TopLogProbs(logits, 4);
  ASSERT_TRUE(top.ok()) << top.status();
  EXPECT_TRUE(top->ids.equal(at::tensor({1, 2, 4, 3}, at::kLong).view({1, 4})));
  EXPECT_THAT(*ArgMax(logits), ElementsAre(1));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, LogProbsTest,
                         testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& info) { return c10::toString(info.param); });

TEST(LogProbsExtremesTest, InfinitiesAndNan) {
  const at::Tensor logits = at::tensor({-kInfinity, 0.f, 0.f, 5.f, kNan, 9.f}).view({2, 3});
  const auto top = TopLogProbs(logits, 3);
  ASSERT_TRUE(top.ok()) << top.status();
  EXPECT_TRUE(top->ids.equal(at::tensor({1, 2, 0, 1, 2, 0}, at::kLong).view({2, 3})));
  EXPECT_FLOAT_EQ(top->log_probs[0][0].item<float>(), -std::log(2.f));
  EXPECT_EQ(top->log_probs[0][2].item<float>(), -kInfinity);
  EXPECT_TRUE(top->log_probs[1].isnan().all().item<bool>());
  EXPECT_THAT(*ArgMax(logits), ElementsAre(1, 1));
}

TEST(LogProbsExtremesTest, LargeLogitsDoNotOverflow) {
  const auto top = TopLogProbs(at::tensor({3e38f, 3e38f}).view({1, 2}), 1);
  ASSERT_TRUE(top.ok()) << top.status();
  EXPECT_FLOAT_EQ(top->log_probs.item<float>(), 0) << "log(2) is lost beside 3e38";
}

TEST(LogProbsErrorsTest, NameWhatIsWrong) {
  const at::Tensor logits = at::zeros({2, 5});
  EXPECT_THAT(TopLogProbs(logits, 6).status().message(), HasSubstr("expected 1 to 5"));
  EXPECT_THAT(TopLogProbs(logits, 0).status().message(), HasSubstr("found 0"));
  EXPECT_THAT(TopLogProbs(logits[0], 1).status().message(), HasSubstr("found 1 dimensions"));
  EXPECT_THAT(ArgMax(at::zeros({2, 0})).status().message(), HasSubstr("expected [rows, vocab]"));
  const auto at_ids = [&](const at::Tensor& ids) {
    return std::string(LogProbsAt(logits, ids).status().message());
  };
  EXPECT_THAT(at_ids(at::full({2, 1}, 5, at::kLong)),
              HasSubstr("ids[0][0]: expected 0 to 4, found 5"));
  EXPECT_THAT(at_ids(at::full({2, 1}, -1, at::kLong)), HasSubstr("found -1"));
  EXPECT_THAT(at_ids(at::zeros({1, 1}, at::kLong)), HasSubstr("expected int64 [2, k]"));
  EXPECT_THAT(at_ids(at::zeros({2, 1}, at::kInt)), HasSubstr("found Int"));
}

}  // namespace
}  // namespace forensics::runner
