#include "runner/checkpoint/tensor_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool HasNothing(absl::string_view) { return false; }
bool HasAll(absl::string_view) { return true; }

TensorRegistry Build(const ModelConfig& config, const HasTensor& has_tensor = HasNothing) {
  const auto registry = BuildTensorRegistry(config, has_tensor);
  EXPECT_TRUE(registry.ok()) << registry.status();
  return registry.value_or(TensorRegistry());
}

std::vector<std::string> Describe(const TensorRegistry& registry) {
  std::vector<std::string> lines;
  for (const auto& [name, tensor] : registry.tensors) {
    const char* storage = tensor.storage == Storage::kInt32     ? " packed"
                          : tensor.storage == Storage::kByte    ? " bytes"
                          : tensor.storage == Storage::kFloat32 ? " float32"
                                                                : "";
    lines.push_back(absl::StrCat(name, storage, " [", absl::StrJoin(tensor.shape, ", "), "]"));
  }
  return lines;
}

TEST(TensorRegistryTest, Llama) {
  ModelConfig config = TinyConfig(Architecture::kLlama);
  config.num_hidden_layers = 1;
  EXPECT_THAT(
      Describe(Build(config)),
      ElementsAre(
          "lm_head.weight [150, 40]", "model.embed_tokens.weight [150, 40]",
          "model.layers.0.input_layernorm.weight [40]", "model.layers.0.mlp.down_proj.bias [40]",
          "model.layers.0.mlp.down_proj.weight [40, 70]", "model.layers.0.mlp.gate_proj.bias [70]",
          "model.layers.0.mlp.gate_proj.weight [70, 40]", "model.layers.0.mlp.up_proj.bias [70]",
          "model.layers.0.mlp.up_proj.weight [70, 40]",
          "model.layers.0.post_attention_layernorm.weight [40]",
          "model.layers.0.self_attn.k_proj.bias [20]",
          "model.layers.0.self_attn.k_proj.weight [20, 40]",
          "model.layers.0.self_attn.o_proj.bias [40]",
          "model.layers.0.self_attn.o_proj.weight [40, 60]",
          "model.layers.0.self_attn.q_proj.bias [60]",
          "model.layers.0.self_attn.q_proj.weight [60, 40]",
          "model.layers.0.self_attn.v_proj.bias [20]",
          "model.layers.0.self_attn.v_proj.weight [20, 40]", "model.norm.weight [40]"));
}

TEST(TensorRegistryTest, PackedExpertsTiedHeadQueryAndKeyNorms) {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3Moe);
  config.num_hidden_layers = 1;
  config.num_experts = 1;
  config.tie_word_embeddings = true;
  EXPECT_THAT(
      Describe(Build(config)),
      ElementsAre("model.embed_tokens.weight [150, 48]",
                  "model.layers.0.input_layernorm.weight [48]",
                  "model.layers.0.mlp.experts.0.down_proj.qweight packed [32, 6]",
                  "model.layers.0.mlp.experts.0.down_proj.qzeros packed [2, 6]",
                  "model.layers.0.mlp.experts.0.down_proj.scales [2, 48]",
                  "model.layers.0.mlp.experts.0.gate_proj.qweight packed [48, 4]",
                  "model.layers.0.mlp.experts.0.gate_proj.qzeros packed [3, 4]",
                  "model.layers.0.mlp.experts.0.gate_proj.scales [3, 32]",
                  "model.layers.0.mlp.experts.0.up_proj.qweight packed [48, 4]",
                  "model.layers.0.mlp.experts.0.up_proj.qzeros packed [3, 4]",
                  "model.layers.0.mlp.experts.0.up_proj.scales [3, 32]",
                  "model.layers.0.mlp.gate.weight [1, 48]",
                  "model.layers.0.post_attention_layernorm.weight [48]",
                  "model.layers.0.self_attn.k_norm.weight [16]",
                  "model.layers.0.self_attn.k_proj.qweight packed [48, 4]",
                  "model.layers.0.self_attn.k_proj.qzeros packed [3, 4]",
                  "model.layers.0.self_attn.k_proj.scales [3, 32]",
                  "model.layers.0.self_attn.o_proj.qweight packed [96, 6]",
                  "model.layers.0.self_attn.o_proj.qzeros packed [6, 6]",
                  "model.layers.0.self_attn.o_proj.scales [6, 48]",
                  "model.layers.0.self_attn.q_norm.weight [16]",
                  "model.layers.0.self_attn.q_proj.qweight packed [48, 12]",
                  "model.layers.0.self_attn.q_proj.qzeros packed [3, 12]",
                  "model.layers.0.self_attn.q_proj.scales [3, 96]",
                  "model.layers.0.self_attn.v_proj.qweight packed [48, 4]",
                  "model.layers.0.self_attn.v_proj.qzeros packed [3, 4]",
                  "model.layers.0.self_attn.v_proj.scales [3, 32]", "model.norm.weight [48]"));
}

TEST(TensorRegistryTest, OneGroupForAllInputs) {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3);
  config.quant.group_size = -1;
  const TensorRegistry registry = Build(config);
  EXPECT_THAT(registry.tensors.at("model.layers.0.mlp.down_proj.qzeros").shape, ElementsAre(1, 6));
}

// The tensors of one linear layer.
std::vector<std::string> DescribeLayer(const TensorRegistry& registry, const std::string& layer) {
  std::vector<std::string> lines;
  for (const std::string& line : Describe(registry)) {
    if (line.rfind(layer + ".", 0) == 0) lines.push_back(line.substr(layer.size()));
  }
  return lines;
}

TEST(TensorRegistryTest, Gptq) {
  ModelConfig config = TinyPackedConfig(Architecture::kLlama, QuantMethod::kGptq);
  const std::string layer = "model.layers.0.mlp.down_proj";
  EXPECT_THAT(DescribeLayer(Build(config), layer),
              ElementsAre(".bias [48]", ".g_idx packed [80]", ".qweight packed [10, 48]",
                          ".qzeros packed [5, 6]", ".scales [5, 48]"));
  config.quant.group_size = 32;  // the last group has 16 inputs
  EXPECT_THAT(DescribeLayer(Build(config), layer),
              ElementsAre(".bias [48]", ".g_idx packed [80]", ".qweight packed [10, 48]",
                          ".qzeros packed [3, 6]", ".scales [3, 48]"));
  config.quant.group_size = -1;
  EXPECT_EQ(Build(config).tensors.at(layer + ".scales").shape[0], 1);
}

TEST(TensorRegistryTest, Nf4) {
  const ModelConfig config = TinyPackedConfig(Architecture::kLlama, QuantMethod::kBnbNf4);
  const std::string layer = "model.layers.0.mlp.down_proj";
  EXPECT_THAT(
      DescribeLayer(Build(config), layer),
      ElementsAre(".bias [48]", ".weight bytes [1920, 1]", ".weight.absmax bytes [60]",
                  ".weight.nested_absmax float32 [1]", ".weight.nested_quant_map float32 [256]",
                  ".weight.quant_map float32 [16]",
                  ".weight.quant_state.bitsandbytes__nf4 bytes [-1]"));
  const auto plain = BuildTensorRegistry(config, HasNothing, {{layer, {48, 80, 128, {}}}});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_THAT(DescribeLayer(*plain, layer),
              ElementsAre(".bias [48]", ".weight bytes [1920, 1]", ".weight.absmax float32 [30]",
                          ".weight.quant_map float32 [16]",
                          ".weight.quant_state.bitsandbytes__nf4 bytes [-1]"));
}

// Any part of a packing makes a layer a packed one, so that what it lacks is named.
TEST(TensorRegistryTest, FilesDecideWhatGptqAndNf4Pack) {
  const struct {
    QuantMethod method;
    const char* stored;  // of a layer, besides which nothing is
    bool packed;
    bool router_packed;  // of a router, or lm_head
  } cases[] = {
      {QuantMethod::kGptq, ".qweight", true, true},
      {QuantMethod::kGptq, ".g_idx", true, true},
      {QuantMethod::kGptq, ".weight", false, false},
      {QuantMethod::kGptq, ".nothing", true, false},
      {QuantMethod::kBnbNf4, ".weight.quant_state.bitsandbytes__nf4", true, true},
      {QuantMethod::kBnbNf4, ".weight.absmax", true, true},
      {QuantMethod::kBnbNf4, ".weight", false, false},
      {QuantMethod::kBnbNf4, ".nothing", true, false},
  };
  for (const auto& c : cases) {
    ModelConfig config = TinyPackedConfig(Architecture::kQwen3Moe, c.method);
    config.num_experts = 8;   // the router and
    config.vocab_size = 160;  // the head can be packed
    const TensorRegistry registry = Build(config, [&c](absl::string_view name) {
      return name.size() > 10 && name.substr(name.find(c.stored) == absl::string_view::npos
                                                 ? 0
                                                 : name.find(c.stored)) == c.stored;
    });
    EXPECT_EQ(registry.linear_layers.at("model.layers.0.self_attn.q_proj").packed, c.packed)
        << c.stored;
    EXPECT_EQ(registry.linear_layers.at("model.layers.0.mlp.gate").packed, c.router_packed)
        << c.stored;
    EXPECT_EQ(registry.linear_layers.at("lm_head").packed, c.router_packed) << c.stored;
  }
}

TEST(TensorRegistryTest, WhatTheListOfModulesLeavesUnpacked) {
  const struct {
    std::vector<std::string> excluded;
    const char* module;
    bool packed_if_absent;   // where the files hold no packed tensors of it
    bool packed_if_present;  // where they do
  } cases[] = {
      {{}, "model.layers.0.self_attn.q_proj", true, true},
      {{}, "model.layers.0.mlp.gate", false, true},
      {{}, "lm_head", false, false},
      {{"mlp.gate"}, "model.layers.0.mlp.gate", false, false},
      {{"mlp.gate"}, "model.layers.0.mlp.experts.0.gate_proj", true, true},
      {{"mlp.gate"}, "model.layers.1.mlp.gate_proj", false, true},
      {{"gate"}, "model.layers.0.mlp.gate", false, false},
      {{"gate"}, "model.layers.0.mlp.experts.0.gate_proj", false, true},
      {{"gate", "gate_proj"}, "model.layers.0.mlp.experts.0.gate_proj", false, false},
      {{"gate_proj", "gate"}, "model.layers.0.mlp.experts.0.gate_proj", false, false},
      {{"self_attn"}, "model.layers.0.self_attn.o_proj", false, false},
      {{"layers.0."}, "model.layers.0.self_attn.o_proj", false, false},
      {{"model.layers.0.self_attn.o_proj"}, "model.layers.0.self_attn.o_proj", false, false},
      {{"layers.0."}, "model.layers.2.self_attn.o_proj", true, true},
      {{""}, "model.layers.0.self_attn.o_proj", true, true},
      {{"lm_head"}, "model.layers.0.self_attn.o_proj", true, true},
  };
  for (const auto& c : cases) {
    ModelConfig config = TinyAwqConfig(Architecture::kQwen3Moe);
    config.num_experts = 8;  // the router can be packed
    config.quant.modules_to_not_convert = c.excluded;
    const std::string trace = absl::StrCat(c.module, " without ", absl::StrJoin(c.excluded, ", "));
    EXPECT_EQ(Build(config, HasNothing).linear_layers.at(c.module).packed, c.packed_if_absent)
        << trace;
    EXPECT_EQ(Build(config, HasAll).linear_layers.at(c.module).packed, c.packed_if_present)
        << trace;
  }
}

TEST(TensorRegistryTest, NothingIsPackedWithoutAQuantisation) {
  for (const auto& [name, layer] :
       Build(TinyConfig(Architecture::kQwen3Moe), HasAll).linear_layers) {
    EXPECT_FALSE(layer.packed) << name;
  }
}

TEST(TensorRegistryTest, RefusesWhatCannotBePacked) {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3);
  config.intermediate_size = 84;
  EXPECT_THAT(
      std::string(BuildTensorRegistry(config, HasNothing).status().message()),
      HasSubstr("model.layers.0.mlp.gate_proj: [84, 48] cannot be packed by awq: expected a "
                "multiple of 8 outputs and of 16 inputs (group_size)"));
  config = TinyPackedConfig(Architecture::kQwen3, QuantMethod::kGptq);
  config.intermediate_size = 84;
  EXPECT_THAT(std::string(BuildTensorRegistry(config, HasNothing).status().message()),
              HasSubstr("model.layers.0.mlp.gate_proj: [84, 48] cannot be packed by gptq: expected "
                        "a multiple of 8 outputs and of 8 inputs"));
}

TEST(IsComputedBufferTest, RotaryFrequenciesAlone) {
  EXPECT_TRUE(IsComputedBuffer("model.layers.7.self_attn.rotary_emb.inv_freq"));
  EXPECT_TRUE(IsComputedBuffer("model.rotary_emb.inv_freq"));
  EXPECT_FALSE(IsComputedBuffer("model.layers.7.self_attn.rotary_emb.inv_freq.weight"));
  EXPECT_FALSE(IsComputedBuffer("inv_freq"));
}

}  // namespace
}  // namespace forensics::runner
