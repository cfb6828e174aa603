// The mini Qwen3-MoE in the three published 4-bit formats, against its goldens: shapes, sums,
// samples and the digests of the float32 bits of dequantised weights, made independently of this
// repository.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "rapidjson/document.h"
#include "runner/checkpoint/checkpoint.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr char kFolder[] = "testdata/mini_qwen3_moe/";

rapidjson::Document ReadJson(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  return document;
}

std::unique_ptr<Checkpoint> OpenMini(const std::string& format = "awq") {
  auto checkpoint = Checkpoint::Open(kFolder + format);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  return checkpoint.ok() ? *std::move(checkpoint) : nullptr;
}

absl::string_view Bytes(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

class MiniWeightsTest : public testing::TestWithParam<std::string> {};

TEST_P(MiniWeightsTest, DecodeBitForBit) {
  const auto checkpoint = OpenMini(GetParam());
  ASSERT_NE(checkpoint, nullptr);
  const rapidjson::Document goldens =
      ReadJson(absl::StrCat(kFolder, "goldens/weights_", GetParam(), ".json"));
  ASSERT_TRUE(goldens.IsObject());
  int compared = 0;
  for (const auto& golden : goldens["tensors"].GetArray()) {
    const std::string name = golden["name"].GetString();
    SCOPED_TRACE(name);
    const std::string module = name.substr(0, name.rfind(".weight"));
    const auto weight = checkpoint->LinearWeight(module, at::kFloat);
    ASSERT_TRUE(weight.ok()) << weight.status();
    ASSERT_TRUE(weight->is_contiguous());
    ASSERT_EQ(weight->dim(), 2);
    EXPECT_EQ(weight->size(0), golden["shape"][0].GetInt64());
    EXPECT_EQ(weight->size(1), golden["shape"][1].GetInt64());
    EXPECT_EQ(schema::Sha256Hex(Bytes(*weight)), golden["sha256_float32_le_row_major"].GetString());

    const auto* values = weight->const_data_ptr<float>();
    double sum = 0;
    double sum_squares = 0;
    for (int64_t i = 0; i < weight->numel(); ++i) {
      sum += values[i];
      sum_squares += static_cast<double>(values[i]) * values[i];
    }
    EXPECT_NEAR(sum, golden["sum"].GetDouble(), 1e-9);
    EXPECT_NEAR(sum_squares, golden["sum_squares"].GetDouble(), 1e-9);
    for (const auto& sample : golden["samples"].GetArray()) {
      const int64_t index = sample[0].GetInt64() * weight->size(1) + sample[1].GetInt64();
      EXPECT_EQ(values[index], std::strtod(sample[3].GetString(), nullptr)) << index;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 5);
}

INSTANTIATE_TEST_SUITE_P(Formats, MiniWeightsTest, testing::Values("awq", "gptq", "bnb_nf4"),
                         [](const auto& info) { return info.param; });

// bitsandbytes packs the router, which the other two leave as it was.
TEST(MiniModelTest, TheRouterIsReadAsItIsStored) {
  const std::string router = "model.layers.0.mlp.gate";
  for (const auto& [format, packed] :
       {std::pair{"awq", false}, {"gptq", false}, {"bnb_nf4", true}}) {
    const auto checkpoint = OpenMini(format);
    ASSERT_NE(checkpoint, nullptr);
    EXPECT_EQ(!checkpoint->Tensor(router + ".weight", at::kFloat).ok(), packed) << format;
    const auto weight = checkpoint->LinearWeight(router, at::kFloat);
    ASSERT_TRUE(weight.ok()) << weight.status();
    EXPECT_EQ(weight->sizes(), at::IntArrayRef({8, 256})) << format;
  }
}

TEST(MiniModelTest, ReadsTheConfig) {
  const auto checkpoint = OpenMini();
  ASSERT_NE(checkpoint, nullptr);
  const ModelConfig& config = checkpoint->config();
  EXPECT_EQ(config.architecture, Architecture::kQwen3Moe);
  EXPECT_EQ(config.hidden_size, 256);
  EXPECT_EQ(config.num_hidden_layers, 14);
  EXPECT_EQ(config.num_attention_heads, 8);
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.head_dim, 32);
  EXPECT_EQ(config.num_experts, 8);
  EXPECT_EQ(config.num_experts_per_tok, 2);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_TRUE(config.norm_topk_prob);
  EXPECT_TRUE(config.qk_norm);
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_EQ(config.torch_dtype, "float16");
  EXPECT_EQ(config.quant.method, QuantMethod::kAwq);
  EXPECT_EQ(config.quant.group_size, 128);
}

// sha256sum config.json model.safetensors | sha256sum
TEST(MiniModelTest, DigestIsThatOfSha256sum) {
  const auto checkpoint = OpenMini();
  ASSERT_NE(checkpoint, nullptr);
  const auto digest = checkpoint->Digest();
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, "82da33efd0fcf226d4e4e41963168616dc5243e9f647fe262e99f02116f676c1");
  EXPECT_EQ(*checkpoint->Digest(), *digest);
}

TEST(MiniModelTest, TheTiedHeadIsTheEmbedding) {
  const auto checkpoint = OpenMini();
  ASSERT_NE(checkpoint, nullptr);
  const auto head = checkpoint->LinearWeight("lm_head", at::kHalf);
  const auto embedding = checkpoint->Tensor("model.embed_tokens.weight", at::kHalf);
  ASSERT_TRUE(head.ok()) << head.status();
  ASSERT_TRUE(embedding.ok()) << embedding.status();
  EXPECT_EQ(Bytes(*head), Bytes(*embedding));
  EXPECT_FALSE(checkpoint->Tensor("lm_head.weight", at::kHalf).ok());
}

}  // namespace
}  // namespace forensics::runner
