// A decoder with synthetic weights computes numbers of a trained one's size, in every format.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/isfinite.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

#include "runner/checkpoint/checkpoint.h"
#include "runner/model/decoder_model.h"
#include "runner/model/testing/recorder.h"
#include "schema/atomic_file.h"
#include "testdata/synthesis/synthesize.h"
#include "testdata/synthesis/testing/small_config.h"

namespace forensics::synthesis {
namespace {

constexpr int64_t kTokens = 300;
constexpr int kLayers = 4;

// [1, kTokens] ids without a pattern.
at::Tensor Ids() {
  return (at::arange(kTokens, at::kLong) * 2654435761 % 1009 % 1000).view({1, -1});
}

double MeanSquare(const at::Tensor& x) { return x.square().mean().item<double>(); }

// The mean cosine between different rows of [rows, columns].
double MeanCosine(const at::Tensor& rows) {
  const at::Tensor unit = rows / rows.norm(2, 1, true);
  const double sum = unit.sum(0).square().sum().item<double>();
  const auto count = static_cast<double>(rows.size(0));
  return (sum - count) / (count * (count - 1));
}

class StatisticsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string config = testing::TempDir() + "/config.json";
    ASSERT_TRUE(schema::WriteFileAtomically(config, SmallConfigJson(kLayers)).ok());
    auto files = ComposeTextFiles(config, GetParam());
    ASSERT_TRUE(files.ok()) << files.status();
    const auto plan = PlanCheckpoint(*std::move(files), /*seed=*/0, /*max_shard_bytes=*/8'000'000);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_GT(plan->shards.size(), 1);
    const std::string directory = testing::TempDir() + "/checkpoint";
    std::filesystem::remove_all(directory);
    ASSERT_TRUE(WriteCheckpoint(*plan, directory, 2, [](int64_t) {}).ok());
    const auto checkpoint = runner::Checkpoint::Open(directory);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    Run(**checkpoint, at::kFloat, recorder_, logits_);
    Run(**checkpoint, at::kBFloat16, rounded_recorder_, rounded_logits_);
  }

  static void Run(const runner::Checkpoint& checkpoint, at::ScalarType dtype,
                  runner::Recorder& recorder, at::Tensor& logits) {
    auto model = runner::DecoderModel::Load(checkpoint, {dtype, "flash_attention_2"});
    ASSERT_TRUE(model.ok()) << model.status();
    auto cache = (*model)->NewCache(1, kTokens);
    ASSERT_TRUE(cache.ok());
    auto output = (*model)->Forward(Ids(), kTokens, *cache, &recorder);
    ASSERT_TRUE(output.ok()) << output.status();
    logits = output->to(at::kDouble)[0];
  }

  // The residual stream after `layer`, [kTokens, hidden].
  at::Tensor Hidden(int layer) const { return recorder_.hidden.at(layer)[0].to(at::kDouble); }

  // In float32 and in bfloat16.
  runner::Recorder recorder_{{0, 1, 2, 3}, kTokens}, rounded_recorder_{{3}, kTokens};
  at::Tensor logits_, rounded_logits_;  // [kTokens, vocab]
};

TEST_P(StatisticsTest, TheResidualStreamGrowsSlowly) {
  double before = 1;  // the embedding's
  for (int layer = 0; layer < kLayers; ++layer) {
    const double mean_square = MeanSquare(Hidden(layer));
    EXPECT_GT(mean_square, before + 0.1) << layer;
    EXPECT_LT(mean_square, before + 0.5) << layer;
    before = mean_square;
  }
  EXPECT_LT(Hidden(kLayers - 1).abs().max().item<double>(), 20);
}

TEST_P(StatisticsTest, PositionsStayDistinct) {
  for (int layer = 0; layer < kLayers; ++layer) {
    EXPECT_LT(std::abs(MeanCosine(Hidden(layer))), 0.03) << layer;
  }
}

TEST_P(StatisticsTest, LogitsHaveADecodersSpread) {
  EXPECT_TRUE(at::isfinite(logits_).all().item<bool>());
  const double deviation = logits_.std(1).mean().item<double>();
  EXPECT_GT(deviation, 2.2);
  EXPECT_LT(deviation, 2.8);
}

TEST_P(StatisticsTest, RoundingIsHardlyAmplified) {
  const at::Tensor rounded = rounded_recorder_.hidden.at(kLayers - 1)[0].to(at::kDouble);
  const at::Tensor exact = Hidden(kLayers - 1);
  const double distance = ((rounded - exact).norm() / exact.norm()).item<double>();
  EXPECT_GT(distance, 0.002);  // half of bfloat16's last digit
  EXPECT_LT(distance, 0.07);
  EXPECT_GT(logits_.argmax(1).eq(rounded_logits_.argmax(1)).to(at::kDouble).mean().item<double>(),
            0.9);
}

TEST_P(StatisticsTest, AttentionsScoresSpread) {
  // Of unit queries and keys times their norms' weights.
  const double keys = MeanSquare(recorder_.keys.at(1).to(at::kDouble));
  EXPECT_GT(keys, 2);
  EXPECT_LT(keys, 2.6);
}

TEST_P(StatisticsTest, RoutingIsUnevenButReachesAllExperts) {
  for (int layer = 0; layer < kLayers; ++layer) {
    const at::Tensor counts = at::bincount(recorder_.experts.at(layer).flatten(), {}, 32);
    const auto most = counts.max().item<int64_t>(), least = counts.min().item<int64_t>();
    EXPECT_GT(least, 0) << layer;
    EXPECT_GT(most, 3 * least / 2) << layer;
    // Of four.
    const double first = recorder_.expert_weights.at(layer).select(1, 0).mean().item<double>();
    EXPECT_GT(first, 0.45) << layer;
    EXPECT_LT(first, 0.75) << layer;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, StatisticsTest, testing::Values("awq", "gptq", "bnb", "none"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace forensics::synthesis
