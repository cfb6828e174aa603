#include "runner/checkpoint/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// The published config.json of Qwen3-30B-A3B.
constexpr char kQwen3Moe[] = R"({
  "architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
  "bos_token_id": 151643, "decoder_sparse_step": 1, "eos_token_id": 151645, "head_dim": 128,
  "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 6144,
  "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [],
  "model_type": "qwen3_moe", "moe_intermediate_size": 768, "norm_topk_prob": true,
  "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
  "num_hidden_layers": 48, "num_key_value_heads": 4, "output_router_logits": false,
  "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000.0,
  "router_aux_loss_coef": 0.001, "sliding_window": null, "tie_word_embeddings": false,
  "torch_dtype": "bfloat16", "transformers_version": "4.51.0", "use_cache": true,
  "use_sliding_window": false, "vocab_size": 151936})";

constexpr char kLlama[] = R"({
  "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
  "intermediate_size": 14336, "max_position_embeddings": 131072, "num_attention_heads": 32,
  "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
  "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": 8192, "rope_type": "llama3"},
  "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
  "vocab_size": 128256})";

// `config` with the members of `changes` put in; one that is the string "absent" is taken out.
std::string With(const char* config, const char* changes) {
  rapidjson::Document document;
  document.Parse(config);
  rapidjson::Document change(&document.GetAllocator());
  change.Parse(changes);
  EXPECT_TRUE(change.IsObject()) << changes;
  for (auto& member : change.GetObject()) {
    document.RemoveMember(member.name);
    if (member.value.IsString() && std::string(member.value.GetString()) == "absent") continue;
    document.AddMember(member.name, member.value, document.GetAllocator());
  }
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  document.Accept(writer);
  return buffer.GetString();
}

ModelConfig Parse(const std::string& json) {
  const auto config = ParseModelConfig(json, "config.json");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(ModelConfig());
}

std::string Error(const std::string& json) {
  return std::string(ParseModelConfig(json, "dir/config.json").status().message());
}

TEST(ParseModelConfigTest, Qwen3Moe) {
  const ModelConfig config = Parse(kQwen3Moe);
  EXPECT_EQ(config.architecture, Architecture::kQwen3Moe);
  EXPECT_EQ(config.architecture_name, "Qwen3MoeForCausalLM");
  EXPECT_EQ(config.vocab_size, 151936);
  EXPECT_EQ(config.hidden_size, 2048);
  EXPECT_EQ(config.num_hidden_layers, 48);
  EXPECT_EQ(config.num_attention_heads, 32);
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.head_dim, 128);
  EXPECT_EQ(config.intermediate_size, 6144);
  EXPECT_EQ(config.max_position_embeddings, 40960);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 1e6);
  EXPECT_FALSE(config.rope_scaling.has_value());
  EXPECT_TRUE(config.qk_norm);
  EXPECT_FALSE(config.attention_bias);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.num_experts, 128);
  EXPECT_EQ(config.num_experts_per_tok, 8);
  EXPECT_EQ(config.moe_intermediate_size, 768);
  EXPECT_TRUE(config.norm_topk_prob);
  EXPECT_EQ(config.is_moe_layer, std::vector<bool>(48, true));
  EXPECT_EQ(config.torch_dtype, "bfloat16");
  EXPECT_EQ(config.quant.method, QuantMethod::kNone);
}

TEST(ParseModelConfigTest, Llama) {
  const ModelConfig config = Parse(kLlama);
  EXPECT_EQ(config.architecture, Architecture::kLlama);
  EXPECT_FALSE(config.qk_norm);
  EXPECT_EQ(config.head_dim, 128);  // 4096 / 32
  EXPECT_EQ(config.num_experts, 0);
  EXPECT_EQ(config.is_moe_layer, std::vector<bool>(32, false));
  ASSERT_TRUE(config.rope_scaling.has_value());
  EXPECT_EQ(config.rope_scaling->factor, 8);
  EXPECT_EQ(config.rope_scaling->original_max_position_embeddings, 8192);
}

// What transformers takes where a field is absent or null.
TEST(ParseModelConfigTest, Defaults) {
  EXPECT_EQ(Parse(With(kLlama, R"({"num_key_value_heads": null})")).num_key_value_heads, 32);
  EXPECT_EQ(Parse(With(kLlama, R"({"rope_theta": "absent"
})"))
                .rope_theta,
            10000);
  EXPECT_EQ(Parse(With(kLlama, R"({"rms_norm_eps": "absent"
})"))
                .rms_norm_eps,
            1e-6);
  EXPECT_EQ(Parse(With(kLlama, R"({"hidden_act": "absent"
})"))
                .head_dim,
            128);
  EXPECT_FALSE(Parse(With(kLlama, R"({"tie_word_embeddings": null})")).tie_word_embeddings);
  EXPECT_EQ(Parse(With(kLlama, R"({"torch_dtype": null})")).torch_dtype, "");
  EXPECT_EQ(Parse(With(kLlama, R"({"quantization_config": null})")).quant.bits, 16);
  EXPECT_EQ(Parse(With(kQwen3Moe, R"({"head_dim": "absent"
  })"))
                .head_dim,
            64);
  EXPECT_FALSE(Parse(With(kQwen3Moe, R"({"norm_topk_prob": "absent"
  })"))
                   .norm_topk_prob);
  EXPECT_FALSE(Parse(With(kQwen3Moe, R"({"num_experts": 0})")).is_moe_layer[0]);
  const char* dense = R"({"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
                          "head_dim": null})";
  EXPECT_EQ(Parse(With(kQwen3Moe, dense)).head_dim, 128);
  EXPECT_EQ(Parse(With(kQwen3Moe, dense)).num_experts, 0);
}

TEST(ParseModelConfigTest, WhichLayersHaveExperts) {
  const auto layers = [](const char* changes) {
    return Parse(With(With(kQwen3Moe, R"({"num_hidden_layers": 6})").c_str(), changes))
        .is_moe_layer;
  };
  EXPECT_THAT(layers("{}"), ElementsAre(true, true, true, true, true, true));
  EXPECT_THAT(layers(R"({"mlp_only_layers": [0, 4]})"),
              ElementsAre(false, true, true, true, false, true));
  EXPECT_THAT(layers(R"({"decoder_sparse_step": 2})"),
              ElementsAre(false, true, false, true, false, true));
  EXPECT_THAT(layers(R"({"decoder_sparse_step": 3, "mlp_only_layers": [5, 1]})"),
              ElementsAre(false, false, true, false, false, false));
  EXPECT_THAT(layers(R"({"mlp_only_layers": null})"), testing::Each(true));
}

// transformers 5 renames fields on saving.
TEST(ParseModelConfigTest, NewerNames) {
  constexpr char kChanges[] = R"({
      "rope_scaling": "absent", "rope_theta": "absent", "torch_dtype": "absent",
      "dtype": "float16", "layer_types": ["full_attention", "full_attention"],
      "rope_parameters": {"rope_type": "llama3", "rope_theta": 250000, "factor": 4,
                          "low_freq_factor": 2, "high_freq_factor": 5,
                          "original_max_position_embeddings": 1024}})";
  const ModelConfig config = Parse(With(kLlama, kChanges));
  EXPECT_EQ(config.torch_dtype, "float16");
  EXPECT_EQ(config.rope_theta, 250000);
  ASSERT_TRUE(config.rope_scaling.has_value());
  EXPECT_EQ(config.rope_scaling->factor, 4);
  EXPECT_EQ(config.rope_scaling->low_freq_factor, 2);
  EXPECT_FALSE(Parse(With(kLlama, R"({"rope_scaling": {"type": "default"}})")).rope_scaling);
}

struct QuantCase {
  const char* json;
  QuantMethod method;
  int64_t group_size;
  std::vector<std::string> modules;
};

TEST(ParseModelConfigTest, Quantisation) {
  const QuantCase cases[] = {
      {R"({"quant_method": "awq", "bits": 4, "group_size": 64, "version": "GEMM",
           "zero_point": true, "modules_to_not_convert": ["mlp.gate"]})",
       QuantMethod::kAwq,
       64,
       {"mlp.gate"}},
      {R"({"quant_method": "awq", "bits": 4, "group_size": -1, "modules_to_not_convert": null})",
       QuantMethod::kAwq,
       -1,
       {}},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": false, "sym": true,
           "checkpoint_format": "gptq", "dynamic": {"-:.*mlp\\.gate$": {}, "+:.*up.*": {}}})",
       QuantMethod::kGptq,
       128,
       {}},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": -1, "desc_act": true, "sym": false,
           "checkpoint_format": "gptq_v2", "pack_dtype": "int32"})",
       QuantMethod::kGptq,
       -1,
       {}},
      {R"({"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4",
           "llm_int8_skip_modules": ["lm_head"]})",
       QuantMethod::kBnbNf4,
       64,
       {"lm_head"}},
  };
  for (const QuantCase& c : cases) {
    const std::string changes = absl::StrCat(R"({"quantization_config": )", c.json, "}");
    const QuantConfig quant = Parse(With(kQwen3Moe, changes.c_str())).quant;
    EXPECT_EQ(quant.method, c.method);
    EXPECT_EQ(quant.bits, 4);
    EXPECT_EQ(quant.group_size, c.group_size);
    EXPECT_EQ(quant.modules_to_not_convert, c.modules);
  }
}

TEST(ParseModelConfigTest, VersionsOfGptq) {
  const auto offset = [](const char* fields) {
    const std::string changes =
        absl::StrCat(R"({"quantization_config": {"quant_method": "gptq", "bits": 4)", fields, "}}");
    return Parse(With(kQwen3Moe, changes.c_str())).quant.gptq_zero_offset;
  };
  EXPECT_EQ(offset(""), 1);
  EXPECT_EQ(offset(R"(, "checkpoint_format": "gptq")"), 1);
  EXPECT_EQ(offset(R"(, "checkpoint_format": "gptq_v2")"), 0);
  EXPECT_EQ(offset(R"(, "format": "gptq_v2")"), 0);
  EXPECT_EQ(offset(R"(, "format": "GPTQ_V2", "checkpoint_format": "gptq_v2")"), 0);
  EXPECT_EQ(offset(R"(, "format": null, "checkpoint_format": null)"), 1);
}

TEST(ParseModelConfigTest, TheWriterOfTestsIsRead) {
  for (Architecture architecture :
       {Architecture::kQwen3Moe, Architecture::kQwen3, Architecture::kLlama}) {
    const ModelConfig written = TinyAwqConfig(architecture);
    const ModelConfig config = Parse(ConfigJson(written));
    EXPECT_EQ(config.architecture_name, written.architecture_name);
    EXPECT_EQ(config.qk_norm, written.qk_norm);
    EXPECT_EQ(config.attention_bias, written.attention_bias);
    EXPECT_EQ(config.mlp_bias, written.mlp_bias);
    EXPECT_EQ(config.is_moe_layer, written.is_moe_layer);
    EXPECT_EQ(config.num_experts_per_tok, written.num_experts_per_tok);
    EXPECT_EQ(config.quant.group_size, written.quant.group_size);
  }
}

TEST(ParseModelConfigTest, RefusesWhatItCannotRun) {
  const struct {
    const char* changes;  // of Qwen3-30B-A3B's
    const char* error;
  } cases[] = {
      {R"({"architectures": "absent"})", "architectures: expected one of Qwen3MoeForCausalLM"},
      {R"({"architectures": []})", "architectures: expected one of"},
      {R"({"architectures": ["MixtralForCausalLM"]})", "found MixtralForCausalLM"},
      {R"({"architectures": "Qwen3MoeForCausalLM"})", "architectures: expected an array"},
      {R"({"architectures": ["Qwen3MoeForCausalLM", "B"]})", "found Qwen3MoeForCausalLM, B"},
      {R"({"model_type": "llama"})", "model_type: expected \"qwen3_moe\" (of Qwen3MoeForCausalLM)"},
      {R"({"hidden_act": "gelu"})", "hidden_act: expected \"silu\", found \"gelu\""},
      {R"({"use_sliding_window": true})", "use_sliding_window: expected false"},
      {R"({"layer_types": ["full_attention", "sliding_attention"]})", "found sliding_attention"},
      {R"({"torch_dtype": "float64"})", "torch_dtype: expected float16, bfloat16 or float32"},
      {R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor: expected 1, found 0.5"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}})",
       "rope_scaling: rope_type: expected \"default\" or \"llama3\", found yarn"},
      {R"({"rope_scaling": {"type": "linear", "factor": 2.0}})", "found linear"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}})",
       "rope_scaling: low_freq_factor: expected a number from 0.001 to 1e+06, found nothing"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
           "high_freq_factor": 4, "original_max_position_embeddings": 8192}})",
       "high_freq_factor: expected more than low_freq_factor (4)"},
      {R"({"rope_scaling": 2})", "rope_scaling: expected an object, found 2"},
      {R"({"rope_parameters": {"rope_theta": "a"}})", "rope_parameters: rope_theta: expected"},
      {R"({"quantization_config": {}})", "quant_method: expected a string, found nothing"},
      {R"({"quantization_config": {"quant_method": "hqq"}})",
       "quantization_config: quant_method: expected \"awq\", \"gptq\" or \"bitsandbytes\", found "
       "\"hqq\""},
      {R"({"quantization_config": {"quant_method": "awq", "bits": 8}})", "bits: expected 4"},
      {R"({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 0}})",
       "group_size: expected -1 (one group) or a positive integer, found 0"},
      {R"({"quantization_config": {"quant_method": "awq", "bits": 4, "version": "gemv"}})",
       "version: expected \"gemm\", found \"gemv\""},
      {R"({"quantization_config": {"quant_method": "awq", "bits": 4, "zero_point": false}})",
       "zero_point: expected true, found false"},
      {R"({"quantization_config": {"quant_method": "awq", "bits": 4,
           "modules_to_not_convert": "lm_head"}})",
       "modules_to_not_convert: expected an array of strings"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 3}})", "bits: expected 4"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4,
           "checkpoint_format": "marlin"}})",
       "checkpoint_format: expected \"gptq\" or \"gptq_v2\", found \"marlin\""},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4,
           "checkpoint_format": "gptq", "format": "gptq_v2"}})",
       "format: expected that of checkpoint_format (\"gptq\"), found \"gptq_v2\""},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4, "sym": false}})",
       "sym: expected true (in format \"gptq\"), found false"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4, "pack_dtype": "int64"}})",
       "pack_dtype: expected \"int32\""},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4,
           "dynamic": {".*down.*": {"bits": 8}}}})",
       "dynamic: .*down.*: expected rules that exclude modules (\"-:\") alone, found an object"},
      {R"({"quantization_config": {"quant_method": "gptq", "bits": 4, "dynamic": ["-:a"]}})",
       "dynamic: expected an object"},
      {R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true,
           "bnb_4bit_quant_type": "nf4", "bnb_4bit_quant_storage": "bfloat16"}})",
       "bnb_4bit_quant_storage: expected \"uint8\", found \"bfloat16\""},
      {R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": true}})",
       "load_in_4bit: expected true"},
      {R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}})",
       "bnb_4bit_quant_type: expected \"nf4\""},
  };
  for (const auto& c : cases) {
    const std::string error = Error(With(kQwen3Moe, c.changes));
    EXPECT_THAT(error, StartsWith("dir/config.json: ")) << c.changes;
    EXPECT_THAT(error, HasSubstr(c.error)) << c.changes;
  }
}

TEST(ParseModelConfigTest, RefusesImpossibleDimensions) {
  const struct {
    const char* changes;
    const char* error;
  } cases[] = {
      {R"({"vocab_size": "absent"})",
       "vocab_size: expected an integer from 1 to 16777216, "
       "found nothing"},
      {R"({"hidden_size": 0})", "hidden_size: expected an integer from 1"},
      {R"({"hidden_size": -2048})", "found -2048"},
      {R"({"hidden_size": 2048.0})", "found 2048.0"},
      {R"({"hidden_size": "2048"})", "found \"2048\""},
      {R"({"hidden_size": 9223372036854775807})", "found 9223372036854775807"},
      {R"({"hidden_size": 18446744073709551615})", "found 18446744073709551615"},
      {R"({"hidden_size": 1e300})", "hidden_size"},
      {R"({"num_hidden_layers": 0})", "num_hidden_layers"},
      {R"({"num_hidden_layers": 1000000000})", "num_hidden_layers: expected an integer from 1 to "},
      {R"({"num_attention_heads": 0})", "num_attention_heads"},
      {R"({"num_key_value_heads": "absent"})", "num_key_value_heads: expected"},
      {R"({"num_key_value_heads": 5})",
       "num_key_value_heads: expected a divisor of num_attention_heads (32), found 5"},
      {R"({"num_key_value_heads": 64})", "expected a divisor"},
      {R"({"head_dim": 127})", "head_dim: expected an even number, found 127"},
      {R"({"head_dim": 0})", "head_dim: expected an integer"},
      {R"({"head_dim": "absent", "hidden_size": 2050})", "head_dim: expected an integer"},
      {R"({"head_dim": 1048576})", "features over all heads, found 32 heads of 1048576"},
      {R"({"max_position_embeddings": 0})", "max_position_embeddings"},
      {R"({"rms_norm_eps": -1e-6})", "rms_norm_eps: expected a number from 0 to 1"},
      {R"({"rms_norm_eps": "1e-6"})", "rms_norm_eps: expected a number"},
      {R"({"rope_theta": 0})", "rope_theta: expected a number from 1"},
      {R"({"num_experts": "absent"})", "num_experts: expected an integer from 0 to 4096"},
      {R"({"num_experts_per_tok": 129})", "num_experts_per_tok: expected an integer from 1 to 128"},
      {R"({"num_experts_per_tok": 0})", "num_experts_per_tok"},
      {R"({"moe_intermediate_size": 0})", "moe_intermediate_size"},
      {R"({"num_experts": 4096})", "experts over all layers, found 48 layers of 4096"},
      {R"({"decoder_sparse_step": 0})", "decoder_sparse_step"},
      {R"({"mlp_only_layers": [48]})",
       "mlp_only_layers: expected an array of integers from 0 to "
       "47"},
      {R"({"tie_word_embeddings": "yes"})", "tie_word_embeddings: expected true or false"},
      {R"({"attention_bias": 1})", "attention_bias: expected true or false, found 1"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Error(With(kQwen3Moe, c.changes)), HasSubstr(c.error)) << c.changes;
  }
}

TEST(ParseModelConfigTest, RefusesBadJson) {
  const struct {
    std::string json;
    const char* error;
  } cases[] = {
      {"", "dir/config.json: not valid JSON at byte 0"},
      {"[]", "expected a JSON object, found an array"},
      {"{\"a\": NaN}", "not valid JSON at byte"},
      {std::string(kLlama) + "}", "not valid JSON"},
      {std::string(1'000'000, '['), "not valid JSON"},
      {R"({"hidden_size": 1, "hidden_size": 2})", "the name \"hidden_size\" appears twice"},
      {With(kLlama, R"({"rope_scaling": {"factor": 1, "factor": 2}})"),
       "rope_scaling: the name \"factor\" appears twice"},
  };
  for (const auto& c : cases) EXPECT_THAT(Error(c.json), HasSubstr(c.error));
}

}  // namespace
}  // namespace forensics::runner
