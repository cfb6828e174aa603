// Random checkpoints of every architecture and format, written and read back.
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>

#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using Case = std::tuple<Architecture, bool, int>;  // architecture, AWQ, shards

class RandomCheckpointTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto [architecture, awq, shards] = GetParam();
    config_ = awq ? TinyAwqConfig(architecture) : TinyConfig(architecture);
    tensors_ = RandomTensors(config_, 1);
    const std::string directory = testing::TempDir() + "/checkpoint";
    ASSERT_TRUE(WriteCheckpoint(directory, ConfigJson(config_), tensors_, shards).ok());
    auto checkpoint = Checkpoint::Open(directory);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    checkpoint_ = *std::move(checkpoint);
  }

  ModelConfig config_;
  TensorMap tensors_;
  std::unique_ptr<Checkpoint> checkpoint_;
};

TEST_P(RandomCheckpointTest, ReadsBackWhatWasWritten) {
  const ModelConfig& config = checkpoint_->config();
  EXPECT_EQ(config.architecture, config_.architecture);
  EXPECT_EQ(config.head_dim, config_.head_dim);
  EXPECT_EQ(config.is_moe_layer, config_.is_moe_layer);
  EXPECT_EQ(config.rope_scaling.has_value(), config_.rope_scaling.has_value());
  EXPECT_EQ(config.quant.method, config_.quant.method);
  EXPECT_EQ(config.quant.modules_to_not_convert, config_.quant.modules_to_not_convert);
  int compared = 0;
  for (const auto& [name, written] : tensors_) {
    if (written.scalar_type() == at::kInt || name.rfind(".scales") != std::string::npos) continue;
    const auto read = checkpoint_->Tensor(name, written.scalar_type());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_TRUE(at::equal(*read, written)) << name;
    ++compared;
  }
  EXPECT_GT(compared, config.num_hidden_layers);
}

// The first layer's up-projection, its shape and the formula of its format.
TEST_P(RandomCheckpointTest, LinearWeights) {
  const bool moe = config_.is_moe_layer[0];
  const std::string module =
      moe ? "model.layers.0.mlp.experts.4.up_proj" : "model.layers.0.mlp.up_proj";
  const auto weight = checkpoint_->LinearWeight(module, at::kFloat);
  ASSERT_TRUE(weight.ok()) << weight.status();
  ASSERT_EQ(weight->dim(), 2);
  EXPECT_EQ(weight->size(0), moe ? config_.moe_intermediate_size : config_.intermediate_size);
  EXPECT_EQ(weight->size(1), config_.hidden_size);
  if (config_.quant.method == QuantMethod::kNone) {
    EXPECT_TRUE(at::equal(*weight, tensors_.at(module + ".weight").to(at::kFloat)));
  } else {
    EXPECT_EQ(tensors_.count(module + ".weight"), 0u);
    const auto decoded =
        DecodeAwq(tensors_.at(module + ".qweight"), tensors_.at(module + ".qzeros"),
                  tensors_.at(module + ".scales"), at::kFloat);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_TRUE(at::equal(*weight, *decoded));
  }
}

INSTANTIATE_TEST_SUITE_P(All, RandomCheckpointTest,
                         testing::Combine(testing::Values(Architecture::kQwen3Moe,
                                                          Architecture::kQwen3,
                                                          Architecture::kLlama),
                                          testing::Bool(), testing::Values(1, 3)));

}  // namespace
}  // namespace forensics::runner
