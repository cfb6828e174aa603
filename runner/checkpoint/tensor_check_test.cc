// Files whose tensors are not those that the config calls for.
#include "runner/checkpoint/tensor_check.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

class TensorCheckTest : public testing::Test {
 protected:
  // The error of opening `tensors` under `config`; empty where there is none.
  std::string Error(const ModelConfig& config, const TensorMap& tensors, int shards = 1) {
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(WriteCheckpoint(directory_, ConfigJson(config), tensors, shards).ok());
    return std::string(Checkpoint::Open(directory_).status().message());
  }

  const std::string directory_ = testing::TempDir() + "/mismatched";
};

using Damage = std::function<void(TensorMap&)>;

TEST_F(TensorCheckTest, NamesTensorsThatDoNotMatchTheConfig) {
  const auto erase = [](const char* name) {
    return [name](TensorMap& tensors) { ASSERT_EQ(tensors.erase(name), 1u); };
  };
  const auto replace = [](const char* name, const at::Tensor& tensor) {
    return [name, tensor](TensorMap& tensors) { tensors[name] = tensor; };
  };
  const ModelConfig moe = TinyConfig(Architecture::kQwen3Moe);
  const ModelConfig llama = TinyConfig(Architecture::kLlama);
  const ModelConfig awq = TinyAwqConfig(Architecture::kQwen3Moe);
  const ModelConfig gptq = TinyPackedConfig(Architecture::kQwen3Moe, QuantMethod::kGptq);
  const ModelConfig nf4 = TinyPackedConfig(Architecture::kQwen3Moe, QuantMethod::kBnbNf4);
  const std::string state = R"({"quant_type": "nf4", "blocksize": 64, "shape": [96, 48])";
  const struct {
    const ModelConfig& config;
    Damage damage;
    const char* error;
  } cases[] = {
      {moe, erase("model.norm.weight"),
       "1 tensor does not match config.json: missing tensor model.norm.weight: expected "
       "F32/F16/BF16 [40]"},
      {moe, erase("lm_head.weight"), "missing tensor lm_head.weight"},
      {moe, erase("model.embed_tokens.weight"), "missing tensor model.embed_tokens.weight"},
      {moe, erase("model.layers.2.mlp.gate.weight"), "missing tensor model.layers.2.mlp.gate"},
      {moe, erase("model.layers.1.self_attn.q_norm.weight"), "q_norm.weight: expected"},
      {llama, erase("model.layers.0.self_attn.v_proj.bias"), "v_proj.bias: expected F32/F16/BF16"},
      {llama, erase("model.layers.0.mlp.down_proj.bias"), "down_proj.bias: expected"},
      {awq, erase("model.layers.0.self_attn.q_proj.qzeros"),
       "missing tensor model.layers.0.self_attn.q_proj.qzeros: expected I32 [3, 12]"},
      {moe, replace("model.layers.3.mlp.gate.weight", at::zeros({5, 40})),
       ".safetensors: tensor model.layers.3.mlp.gate.weight: surplus, the config has no such "
       "tensor; found F32 [5, 40]"},
      {moe, replace("model.layers.0.mlp.gate.bias", at::zeros({5})), "gate.bias: surplus"},
      {moe, replace("model.layers.0.self_attn.q_proj.bias", at::zeros({60})),
       "q_proj.bias: surplus"},
      {llama, replace("model.layers.0.self_attn.q_norm.weight", at::zeros({10})),
       "q_norm.weight: surplus"},
      {awq, replace("model.layers.0.self_attn.q_proj.weight", at::zeros({96, 48})),
       "q_proj.weight: surplus"},
      {awq, replace("model.layers.0.self_attn.q_proj.g_idx", at::zeros({48}, at::kInt)),
       "q_proj.g_idx: surplus"},
      {moe, replace("model.norm.weight", at::zeros({41})),
       "tensor model.norm.weight: expected F32/F16/BF16 [40], found F32 [41]"},
      {moe, replace("model.norm.weight", at::zeros({1, 40})), "found F32 [1, 40]"},
      // Transposed, so that the number of bytes is right.
      {moe, replace("model.layers.0.mlp.experts.1.up_proj.weight", at::zeros({40, 30})),
       "expected F32/F16/BF16 [30, 40], found F32 [40, 30]"},
      {moe, replace("model.norm.weight", at::zeros({40}, at::kDouble)), "found F64 [40]"},
      {moe, replace("model.norm.weight", at::zeros({40}, at::kInt)), "found I32 [40]"},
      {awq, replace("model.layers.0.self_attn.q_proj.qweight", at::zeros({48, 12})),
       "expected I32 [48, 12], found F32 [48, 12]"},
      {awq, replace("model.layers.0.self_attn.q_proj.scales", at::zeros({3, 96}, at::kInt)),
       "expected F32/F16/BF16 [3, 96], found I32 [3, 96]"},
      {gptq, erase("model.layers.0.self_attn.q_proj.qweight"),
       "missing tensor model.layers.0.self_attn.q_proj.qweight: expected I32 [6, 96]"},
      {gptq, erase("model.layers.0.self_attn.q_proj.g_idx"), "q_proj.g_idx: expected I32 [48]"},
      {gptq, erase("model.layers.0.mlp.gate.weight"), "missing tensor model.layers.0.mlp.gate"},
      {gptq, replace("model.layers.0.self_attn.q_proj.weight", at::zeros({96, 48})),
       "q_proj.weight: surplus"},
      {gptq, replace("model.layers.0.self_attn.q_proj.qweight", at::zeros({48, 12}, at::kInt)),
       "expected I32 [6, 96], found I32 [48, 12]"},  // AWQ's
      {gptq, replace("model.layers.0.self_attn.q_proj.g_idx", at::zeros({48}, at::kLong)),
       "q_proj.g_idx: expected I32 [48], found I64 [48]"},
      {gptq, replace("model.layers.0.self_attn.q_proj.qzeros", at::zeros({2, 12}, at::kInt)),
       "expected I32 [3, 12], found I32 [2, 12]"},
      {nf4, erase("model.layers.0.self_attn.q_proj.weight"),
       "missing tensor model.layers.0.self_attn.q_proj.weight: expected U8 [2304, 1]"},
      {nf4, erase("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4"),
       "missing tensor model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4: "
       "expected U8 [any]"},
      {nf4, erase("model.layers.0.self_attn.q_proj.weight.absmax"),
       "q_proj.weight.absmax: expected U8 [72]"},
      {nf4, erase("model.layers.0.self_attn.q_proj.weight.nested_absmax"),
       "q_proj.weight.nested_absmax: expected F32 [1]"},
      {nf4, replace("model.layers.0.self_attn.q_proj.weight.absmax", at::zeros({72})),
       "q_proj.weight.absmax: expected U8 [72], found F32 [72]"},
      {nf4, replace("model.layers.0.self_attn.q_proj.weight.absmax", at::zeros({71}, at::kByte)),
       "expected U8 [72], found U8 [71]"},
      {nf4, replace("model.layers.0.self_attn.q_proj.weight", at::zeros({2304}, at::kByte)),
       "expected U8 [2304, 1], found U8 [2304]"},
      {nf4, replace("model.layers.0.self_attn.q_proj.weight.quant_map", at::zeros({16}, at::kHalf)),
       "quant_map: expected F32 [16], found F16 [16]"},
      {nf4, replace("model.norm.weight.absmax", at::zeros({1}, at::kByte)),
       "model.norm.weight.absmax: surplus"},
      {nf4,
       replace("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4",
               Nf4State(48, 96, 0.5)),
       "q_proj.weight.quant_state.bitsandbytes__nf4: shape: expected [96, 48], found [48, 96]"},
      {nf4,
       replace("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4",
               BytesTensor(state)),
       "tensor model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4: not valid "
       "JSON at byte"},
      // Without double quantisation, so that its tensors are too many.
      {nf4,
       replace("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4",
               BytesTensor(state + "}")),
       "q_proj.weight.nested_absmax: surplus"},
  };
  for (const auto& c : cases) {
    for (int shards : {1, 2}) {
      TensorMap tensors = RandomTensors(c.config, 1);
      c.damage(tensors);
      const std::string error = Error(c.config, tensors, shards);
      EXPECT_THAT(error, HasSubstr(directory_));
      EXPECT_THAT(error, HasSubstr(c.error));
    }
  }
}

TEST_F(TensorCheckTest, CountsWhatItDoesNotList) {
  ModelConfig config = TinyConfig(Architecture::kLlama);
  const TensorMap tensors = RandomTensors(config, 1);
  config.hidden_size = 42;
  const std::string error = Error(config, tensors);
  EXPECT_THAT(error, HasSubstr(": 36 tensors do not match config.json: "));
  EXPECT_THAT(error, HasSubstr("; and 31 more"));
}

TEST_F(TensorCheckTest, ToleratesOldRotaryBuffers) {
  const ModelConfig config = TinyConfig(Architecture::kLlama);
  TensorMap tensors = RandomTensors(config, 1);
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::ones({5});
  EXPECT_EQ(Error(config, tensors), "");
  EXPECT_FALSE((*Checkpoint::Open(directory_))
                   ->Tensor("model.layers.0.self_attn.rotary_emb.inv_freq", at::kFloat)
                   .ok());
}

TEST_F(TensorCheckTest, AStoredTiedHeadMustBeTheEmbedding) {
  ModelConfig config = TinyConfig(Architecture::kQwen3);
  config.tie_word_embeddings = true;
  TensorMap tensors = RandomTensors(config, 1);
  EXPECT_EQ(tensors.count("lm_head.weight"), 0u);
  EXPECT_EQ(Error(config, tensors), "");
  const at::Tensor embedding = tensors.at("model.embed_tokens.weight");
  tensors["lm_head.weight"] = embedding;
  EXPECT_EQ(Error(config, tensors), "");
  for (const at::Tensor& head :
       {embedding.to(at::kDouble), at::zeros({150, 40}), at::zeros({40, 150}), at::zeros({1})}) {
    tensors["lm_head.weight"] = head;
    EXPECT_THAT(Error(config, tensors), HasSubstr("tensor lm_head.weight: tie_word_embeddings is "
                                                  "true, but it is not equal to "));
  }
}

// Old writers of GPTQ store a bias of every layer.
TEST_F(TensorCheckTest, ToleratesBiasesOfZeroInGptq) {
  const ModelConfig config = TinyPackedConfig(Architecture::kQwen3, QuantMethod::kGptq);
  const std::string bias = "model.layers.0.mlp.up_proj.bias";
  TensorMap tensors = RandomTensors(config, 1);
  tensors[bias] = at::zeros({80}, at::kHalf);
  EXPECT_EQ(Error(config, tensors), "");
  for (const at::Tensor& other :
       {at::ones({80}, at::kHalf), at::zeros({79}, at::kHalf), at::zeros({80}, at::kInt)}) {
    tensors[bias] = other;
    EXPECT_THAT(Error(config, tensors), HasSubstr("up_proj.bias: surplus"));
  }
  tensors.erase(bias);
  tensors["model.layers.0.input_layernorm.bias"] = at::zeros({48}, at::kHalf);
  EXPECT_THAT(Error(config, tensors), HasSubstr("input_layernorm.bias: surplus"));
}

}  // namespace
}  // namespace forensics::runner
