// Random checkpoints of every architecture and format, written and read back.
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using Case = std::tuple<Architecture, QuantMethod, int>;  // and the number of shards

class RandomCheckpointTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto [architecture, method, shards] = GetParam();
    config_ = method == QuantMethod::kNone ? TinyConfig(architecture)
                                           : TinyPackedConfig(architecture, method);
    if (shards > 1) config_.quant.gptq_zero_offset = 0;  // version 2
    tensors_ = RandomTensors(config_, 1);
    const std::string directory = testing::TempDir() + "/checkpoint";
    ASSERT_TRUE(WriteCheckpoint(directory, ConfigJson(config_), tensors_, shards).ok());
    auto checkpoint = Checkpoint::Open(directory);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    checkpoint_ = *std::move(checkpoint);
  }

  // Whether `name` belongs to a packed layer, whose weight is read as a whole.
  bool IsPartOfPacked(const std::string& name) const {
    for (const char* part : {".qweight", ".qzeros", ".scales", ".g_idx"}) {
      if (absl::EndsWith(name, part)) return true;
    }
    const size_t weight = name.find(".weight");
    return weight != std::string::npos &&
           tensors_.count(absl::StrCat(name.substr(0, weight), kNf4LayoutSuffix)) > 0;
  }

  // The weight of `module` by its format's own decoder.
  absl::StatusOr<at::Tensor> Decode(const std::string& module) const {
    const auto part = [&](const char* suffix) { return tensors_.at(module + suffix); };
    switch (config_.quant.method) {
      case QuantMethod::kNone:
        return part(".weight").to(at::kFloat);
      case QuantMethod::kAwq:
        return DecodeAwq(part(".qweight"), part(".qzeros"), part(".scales"), at::kFloat);
      case QuantMethod::kGptq:
        return DecodeGptq({part(".qweight"), part(".qzeros"), part(".scales"), part(".g_idx")},
                          config_.quant.gptq_zero_offset, at::kFloat);
      case QuantMethod::kBnbNf4:
        break;
    }
    const at::Tensor state = part(".weight.quant_state.bitsandbytes__nf4");
    const auto layout =
        ParseNf4Layout({static_cast<const char*>(state.const_data_ptr()), state.nbytes()}, module);
    if (!layout.ok()) return layout.status();
    return DecodeNf4({part(".weight"), part(".weight.absmax"), part(".weight.quant_map"),
                      part(".weight.nested_absmax"), part(".weight.nested_quant_map")},
                     *layout, at::kFloat);
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
    if (IsPartOfPacked(name)) continue;
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
  const auto decoded = Decode(module);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(at::equal(*weight, *decoded));
}

INSTANTIATE_TEST_SUITE_P(All, RandomCheckpointTest,
                         testing::Combine(testing::Values(Architecture::kQwen3Moe,
                                                          Architecture::kQwen3,
                                                          Architecture::kLlama),
                                          testing::Values(QuantMethod::kNone, QuantMethod::kAwq,
                                                          QuantMethod::kGptq, QuantMethod::kBnbNf4),
                                          testing::Values(1, 3)));

}  // namespace
}  // namespace forensics::runner
