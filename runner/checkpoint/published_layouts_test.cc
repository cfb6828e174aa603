// Checkpoints of every architecture as transformers saves them: single files and shards, tied and
// untied heads, biases, dense layers among experts; and as bitsandbytes and GPTQ's tools do.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runner/checkpoint/checkpoint.h"

namespace forensics::runner {
namespace {

struct Layout {
  const char* name;
  Architecture architecture;
  const char* torch_dtype;
  const char* layer;  // a linear layer that is not square
  std::vector<int64_t> layer_shape;
  std::vector<bool> is_moe_layer;
  QuantMethod quant = QuantMethod::kNone;
};

class PublishedLayoutsTest : public testing::TestWithParam<Layout> {};

TEST_P(PublishedLayoutsTest, Opens) {
  const Layout& layout = GetParam();
  const auto checkpoint = Checkpoint::Open(std::string("testdata/tiny_checkpoints/") + layout.name);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const ModelConfig& config = (*checkpoint)->config();
  EXPECT_EQ(config.architecture, layout.architecture);
  EXPECT_EQ(config.torch_dtype, layout.torch_dtype);
  EXPECT_EQ(config.is_moe_layer, layout.is_moe_layer);
  EXPECT_EQ(config.quant.method, layout.quant);

  const auto weight = (*checkpoint)->LinearWeight(layout.layer, at::kFloat);
  ASSERT_TRUE(weight.ok()) << weight.status();
  EXPECT_EQ(weight->sizes(), at::IntArrayRef(layout.layer_shape));
  const auto head = (*checkpoint)->LinearWeight("lm_head", at::kFloat);
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_EQ(head->size(0), config.vocab_size);
  EXPECT_EQ(head->size(1), config.hidden_size);
  EXPECT_EQ((*checkpoint)->Tensor("lm_head.weight", at::kFloat).ok(), !config.tie_word_embeddings);
  EXPECT_EQ((*checkpoint)->Tensor("model.layers.0.self_attn.q_norm.weight", at::kFloat).ok(),
            config.qk_norm);
  EXPECT_EQ((*checkpoint)->Tensor("model.layers.0.self_attn.o_proj.bias", at::kFloat).ok(),
            config.attention_bias);
  EXPECT_EQ((*checkpoint)->Tensor("model.layers.0.mlp.down_proj.bias", at::kFloat).ok(),
            config.mlp_bias);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedLayoutsTest,
                         testing::Values(Layout{"qwen3_moe_untied",
                                                Architecture::kQwen3Moe,
                                                "bfloat16",
                                                "model.layers.3.mlp.experts.5.down_proj",
                                                {64, 40},
                                                {true, false, true, true}},
                                         Layout{"qwen3_dense",
                                                Architecture::kQwen3,
                                                "float16",
                                                "model.layers.2.self_attn.o_proj",
                                                {48, 96},
                                                {false, false, false}},
                                         Layout{"llama",
                                                Architecture::kLlama,
                                                "float32",
                                                "model.layers.1.self_attn.k_proj",
                                                {16, 64},
                                                {false, false, false}},
                                         Layout{"llama_gptq",
                                                Architecture::kLlama,
                                                "float32",
                                                "model.layers.1.mlp.down_proj",
                                                {64, 88},
                                                {false, false, false},
                                                QuantMethod::kGptq},
                                         Layout{"qwen3_dense_gptq_v2",
                                                Architecture::kQwen3,
                                                "float32",
                                                "model.layers.2.mlp.down_proj",
                                                {48, 136},
                                                {false, false, false},
                                                QuantMethod::kGptq},
                                         Layout{"llama_nf4",
                                                Architecture::kLlama,
                                                "float32",
                                                "model.layers.0.self_attn.k_proj",
                                                {16, 64},
                                                {false, false, false},
                                                QuantMethod::kBnbNf4},
                                         Layout{"qwen3_dense_nf4",
                                                Architecture::kQwen3,
                                                "float32",
                                                "model.layers.1.mlp.down_proj",  // left unpacked
                                                {48, 136},
                                                {false, false, false},
                                                QuantMethod::kBnbNf4}),
                         [](const testing::TestParamInfo<Layout>& info) {
                           return std::string(info.param.name);
                         });

TEST(RopeScalingTest, IsRead) {
  const auto checkpoint = Checkpoint::Open("testdata/tiny_checkpoints/llama");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto& scaling = (*checkpoint)->config().rope_scaling;
  ASSERT_TRUE(scaling.has_value());
  EXPECT_EQ(scaling->factor, 8);
  EXPECT_EQ(scaling->low_freq_factor, 1);
  EXPECT_EQ(scaling->high_freq_factor, 4);
  EXPECT_EQ(scaling->original_max_position_embeddings, 64);
}

}  // namespace
}  // namespace forensics::runner
