#include "runner/engine/model_info.h"

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

// 30.5 billion, as its authors say.
TEST(ModelInfoTest, ParametersOfQwen3_30B_A3B) {
  ModelConfig c;
  c.vocab_size = 151936;
  c.hidden_size = 2048;
  c.num_hidden_layers = 48;
  c.num_attention_heads = 32;
  c.num_key_value_heads = 4;
  c.head_dim = 128;
  c.qk_norm = true;
  c.num_experts = 128;
  c.num_experts_per_tok = 8;
  c.moe_intermediate_size = 768;
  c.is_moe_layer.assign(48, true);
  EXPECT_EQ(CountParameters(c), 30'532'122'624);
}

// 8,030,261,248, as the published safetensors index says.
TEST(ModelInfoTest, ParametersOfLlama3_8B) {
  ModelConfig c;
  c.architecture = Architecture::kLlama;
  c.vocab_size = 128256;
  c.hidden_size = 4096;
  c.num_hidden_layers = 32;
  c.num_attention_heads = 32;
  c.num_key_value_heads = 8;
  c.head_dim = 128;
  c.intermediate_size = 14336;
  c.is_moe_layer.assign(32, false);
  EXPECT_EQ(CountParameters(c), 8'030'261'248);
}

TEST(ModelInfoTest, TheMiniModel) {
  const auto checkpoint = Checkpoint::Open("testdata/mini_qwen3_moe/awq");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto info = DescribeModel(**checkpoint);
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->name(), "mini_qwen3_moe/awq");
  EXPECT_EQ(info->digest().size(), 64u);
  EXPECT_EQ(info->hidden_size(), 256);
  EXPECT_EQ(info->key_size(), 128);
  EXPECT_TRUE(info->mixture_of_experts());
  EXPECT_NEAR(info->parameters(), 14.85e6, 0.01e6);
  EXPECT_EQ(QuantMethodName((*checkpoint)->config().quant.method), "awq");
}

}  // namespace
}  // namespace forensics::runner
