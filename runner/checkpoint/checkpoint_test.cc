// Damaged checkpoints: each error names the file or tensor, what was expected and what was found.
#include "runner/checkpoint/checkpoint.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>
#include <string>

#include "absl/strings/str_replace.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;
using testing::Not;

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(directory_); }

  std::string Error() { return std::string(Checkpoint::Open(directory_).status().message()); }
  // The error of opening `tensors` under `config`; empty where there is none.
  std::string Error(const ModelConfig& config, const TensorMap& tensors, int shards = 1) {
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(WriteCheckpoint(directory_, ConfigJson(config), tensors, shards).ok());
    return Error();
  }
  std::string Path(const char* name) const { return directory_ + "/" + name; }

  const std::string directory_ = testing::TempDir() + "/damaged";
};

using Damage = std::function<void(TensorMap&)>;

TEST_F(CheckpointTest, NamesTensorsThatDoNotMatchTheConfig) {
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

TEST_F(CheckpointTest, CountsWhatItDoesNotList) {
  ModelConfig config = TinyConfig(Architecture::kLlama);
  const TensorMap tensors = RandomTensors(config, 1);
  config.hidden_size = 42;
  const std::string error = Error(config, tensors);
  EXPECT_THAT(error, HasSubstr(": 36 tensors do not match config.json: "));
  EXPECT_THAT(error, HasSubstr("; and 31 more"));
}

TEST_F(CheckpointTest, ToleratesOldRotaryBuffers) {
  const ModelConfig config = TinyConfig(Architecture::kLlama);
  TensorMap tensors = RandomTensors(config, 1);
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = at::ones({5});
  EXPECT_EQ(Error(config, tensors), "");
  EXPECT_FALSE((*Checkpoint::Open(directory_))
                   ->Tensor("model.layers.0.self_attn.rotary_emb.inv_freq", at::kFloat)
                   .ok());
}

TEST_F(CheckpointTest, AStoredTiedHeadMustBeTheEmbedding) {
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

// Where readers differ on what modules_to_not_convert leaves unpacked, the files decide.
TEST_F(CheckpointTest, FilesDecideWhatAPartialMatchMeans) {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3Moe);
  config.is_moe_layer = {true, true, true};
  const TensorMap packed = RandomTensors(config, 1);
  const std::string gate_proj = "model.layers.0.mlp.experts.0.gate_proj";
  ASSERT_EQ(packed.count(gate_proj + ".qweight"), 1u);
  // "gate" is part of "gate_proj": both layouts are read.
  config.quant.modules_to_not_convert = {"gate"};
  const TensorMap unpacked = RandomTensors(config, 1);
  ASSERT_EQ(unpacked.count(gate_proj + ".weight"), 1u);
  EXPECT_EQ(Error(config, packed), "");
  EXPECT_EQ(Error(config, unpacked), "");
  // A list that is silent: the router may be either, experts may not.
  config.quant.modules_to_not_convert = {};
  EXPECT_EQ(Error(config, packed), "");
  EXPECT_THAT(Error(config, unpacked), HasSubstr("gate_proj.qweight"));
  // Whole components leave no choice.
  config.quant.modules_to_not_convert = {"gate_proj", "mlp.gate"};
  EXPECT_EQ(Error(config, unpacked), "");
  EXPECT_THAT(Error(config, packed), HasSubstr("gate_proj.weight"));
}

TEST_F(CheckpointTest, RefusesSizesThatAwqCannotPack) {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3);
  const TensorMap tensors = RandomTensors(config, 1);
  config.quant.group_size = 32;
  EXPECT_THAT(
      Error(config, tensors),
      HasSubstr("config.json: model.layers.0.self_attn.q_proj: [96, 48] cannot be packed by "
                "awq: expected a multiple of 8 outputs and of 32 inputs"));
}

// Old writers of GPTQ store a bias of every layer.
TEST_F(CheckpointTest, ToleratesBiasesOfZeroInGptq) {
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

// Found when the layer is read: opening looks at no data.
TEST_F(CheckpointTest, NamesAGroupThatDoesNotExist) {
  const ModelConfig config = TinyPackedConfig(Architecture::kQwen3, QuantMethod::kGptq);
  TensorMap tensors = RandomTensors(config, 1);
  const std::string module = "model.layers.2.self_attn.o_proj";
  tensors[module + ".g_idx"] = at::ones({96}, at::kInt).fill_(6);
  ASSERT_EQ(Error(config, tensors), "");
  const auto checkpoint = *Checkpoint::Open(directory_);
  EXPECT_EQ(checkpoint->LinearWeight(module, at::kFloat).status().message(),
            Path("model.safetensors") + ": " + module +
                ": gptq: g_idx[0]: expected a group from 0 to 5, found 6");
}

TEST_F(CheckpointTest, NamesFilesThatAreMissingOrDamaged) {
  EXPECT_THAT(Error(), HasSubstr("damaged/config.json: cannot open"));
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  ASSERT_EQ(Error(config, RandomTensors(config, 1)), "");
  const std::string bytes = ReadFile(Path("model.safetensors"));
  ASSERT_TRUE(WriteFile(Path("model.safetensors"), bytes.substr(0, bytes.size() / 2)).ok());
  EXPECT_THAT(Error(), HasSubstr("model.safetensors: tensor "));
  EXPECT_THAT(Error(), HasSubstr("is the file truncated?"));
  std::filesystem::remove(Path("model.safetensors"));
  EXPECT_THAT(Error(), HasSubstr("expected model.safetensors or model.safetensors.index.json, "
                                 "found neither"));
  ASSERT_TRUE(WriteFile(Path("config.json"), "{}").ok());
  EXPECT_THAT(Error(), HasSubstr("config.json: architectures: expected one of"));
}

// Whatever byte is wrong: an error that names the place, or other values, but never a crash.
TEST_F(CheckpointTest, DamagedBytesAreErrorsOrValues) {
  constexpr int kTrials = 300;
  for (QuantMethod method : {QuantMethod::kAwq, QuantMethod::kGptq, QuantMethod::kBnbNf4}) {
    ModelConfig config = TinyPackedConfig(Architecture::kQwen3, method);
    config.num_hidden_layers = 1;
    ASSERT_EQ(Error(config, RandomTensors(config, 1)), "");
    const std::string bytes = ReadFile(Path("model.safetensors"));
    const size_t header = 8 + static_cast<size_t>(static_cast<uint8_t>(bytes[0])) +
                          256 * static_cast<size_t>(static_cast<uint8_t>(bytes[1]));
    std::mt19937 engine(1);
    int refused = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::string damaged = bytes;
      // Half of them in the header, which is the smaller part.
      const size_t place = engine() % (trial % 2 == 0 ? header : bytes.size());
      damaged[place] = static_cast<char>(damaged[place] ^ (1 << (engine() % 8)));
      ASSERT_TRUE(WriteFile(Path("model.safetensors"), damaged).ok());
      const auto checkpoint = Checkpoint::Open(directory_);
      absl::Status status = checkpoint.status();
      for (const char* layer : {"self_attn.q_proj", "self_attn.o_proj", "mlp.down_proj"}) {
        if (!status.ok()) break;
        status = (*checkpoint)
                     ->LinearWeight(std::string("model.layers.0.") + layer, at::kFloat)
                     .status();
      }
      if (status.ok()) continue;
      EXPECT_THAT(std::string(status.message()), HasSubstr(directory_)) << place;
      ++refused;
    }
    EXPECT_GT(refused, kTrials / 4);
    EXPECT_LT(refused, kTrials);
  }
}

TEST_F(CheckpointTest, ADanglingLinkIsNamed) {
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  ASSERT_EQ(Error(config, RandomTensors(config, 1)), "");
  std::filesystem::remove(Path("model.safetensors"));
  std::filesystem::create_symlink("nowhere", Path("model.safetensors"));
  EXPECT_THAT(Error(), HasSubstr("model.safetensors: cannot open"));
}

// As Hugging Face has it: an index beside a single file is left over from other shards.
TEST_F(CheckpointTest, ASingleFileComesBeforeAnIndex) {
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  ASSERT_EQ(Error(config, RandomTensors(config, 1)), "");
  ASSERT_TRUE(WriteFile(Path("model.safetensors.index.json"), "{}").ok());
  EXPECT_EQ(Error(), "");
}

TEST_F(CheckpointTest, NamesWhatIsWrongWithAnIndex) {
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  ASSERT_EQ(Error(config, RandomTensors(config, 1), 3), "");
  const std::string path = Path("model.safetensors.index.json");
  const std::string index = ReadFile(path);
  const std::string head = R"("lm_head.weight":"model-00001-of-00003.safetensors")";
  ASSERT_THAT(index, HasSubstr(head));
  const struct {
    std::string index;
    const char* error;
  } cases[] = {
      {"", "index.json: not valid JSON"},
      {"{}", "index.json: expected an object weight_map"},
      {R"({"weight_map": []})", "expected an object weight_map"},
      {R"({"weight_map": {"a": 1}})", "tensor a: expected the name of a file, found 1"},
      {R"({"weight_map": {"a": ""}})", "expected the name of a file, found \"\""},
      {R"({"weight_map": {"a": "../x"}})", "expected the name of a file, found \"../x\""},
      {R"({"weight_map": {"a": ".."}})", "expected the name of a file"},
      {R"({"weight_map": {"a": "b\u0000c"}})", "expected the name of a file"},
      {R"({"weight_map": {"a": "x", "a": "y"}})", "weight_map: the name \"a\" appears twice"},
      {absl::StrReplaceAll(index, {{head, head + "," + head}}), "appears twice"},
      {absl::StrReplaceAll(index, {{"00001-of", "00009-of"}}),
       "model-00009-of-00003.safetensors: cannot open"},
      {absl::StrReplaceAll(index, {{head, absl::StrReplaceAll(head, {{"00001", "00002"}})}}),
       "index.json: tensor lm_head.weight: expected in model-00002-of-00003.safetensors, which "
       "does not hold it"},
      {absl::StrReplaceAll(index, {{head + ",", ""}}),
       "model-00001-of-00003.safetensors: tensor lm_head.weight: the index lists it nowhere"},
      {absl::StrReplaceAll(index, {{"lm_head.weight", "lm_tail.weight"}}), "lm_tail.weight"},
  };
  for (const auto& c : cases) {
    ASSERT_TRUE(WriteFile(path, c.index).ok());
    EXPECT_THAT(Error(), HasSubstr(c.error)) << c.index;
  }
  ASSERT_TRUE(WriteFile(path, index).ok());
  EXPECT_EQ(Error(), "");
}

TEST_F(CheckpointTest, ATensorInTwoShardsIsAnError) {
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  const TensorMap tensors = RandomTensors(config, 1);
  ASSERT_EQ(Error(config, tensors, 2), "");
  // All tensors in the second shard, which the index gives only half of.
  ASSERT_TRUE(WriteFile(Path("model-00002-of-00002.safetensors"), SafetensorsBytes(tensors)).ok());
  EXPECT_THAT(Error(), HasSubstr("model-00002-of-00002.safetensors: tensor lm_head.weight: the "
                                 "index lists it in model-00001-of-00002.safetensors"));
}

TEST_F(CheckpointTest, TakesTheDtypeOfTheWeightsWhereTheConfigNamesNone) {
  ModelConfig config = TinyConfig(Architecture::kQwen3);
  config.torch_dtype = "bfloat16";
  const TensorMap tensors = RandomTensors(config, 1);
  const std::string json =
      absl::StrReplaceAll(ConfigJson(config), {{R"(,"torch_dtype":"bfloat16")", ""}});
  ASSERT_THAT(json, Not(HasSubstr("dtype")));
  ASSERT_TRUE(WriteCheckpoint(directory_, json, tensors).ok());
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ((*checkpoint)->config().torch_dtype, "bfloat16");
}

TEST_F(CheckpointTest, NamesWhatItIsAskedForInVain) {
  const ModelConfig config = TinyAwqConfig(Architecture::kQwen3);
  ASSERT_EQ(Error(config, RandomTensors(config, 1)), "");
  const auto checkpoint = *Checkpoint::Open(directory_);
  const auto message = [](const absl::StatusOr<at::Tensor>& tensor) {
    return std::string(tensor.status().message());
  };
  EXPECT_THAT(message(checkpoint->Tensor("model.norm", at::kFloat)),
              HasSubstr("no unquantised tensor model.norm "));
  EXPECT_THAT(message(checkpoint->Tensor("model.layers.0.mlp.up_proj.qweight", at::kFloat)),
              HasSubstr("no unquantised tensor"));
  EXPECT_THAT(message(checkpoint->Tensor("model.norm.weight", at::kInt)),
              HasSubstr("model.norm.weight: cannot convert to Int"));
  EXPECT_THAT(message(checkpoint->LinearWeight("model.layers.9.mlp.up_proj", at::kFloat)),
              HasSubstr("no linear layer model.layers.9.mlp.up_proj"));
  EXPECT_THAT(message(checkpoint->LinearWeight("model.layers.0.mlp.up_proj", at::kInt)),
              HasSubstr("cannot decode to Int"));
}

TEST_F(CheckpointTest, TheDigestDependsOnEveryFile) {
  const ModelConfig config = TinyConfig(Architecture::kQwen3);
  const auto digest = [&](const TensorMap& tensors, int shards) {
    EXPECT_EQ(Error(config, tensors, shards), "");
    return *(*Checkpoint::Open(directory_))->Digest();
  };
  TensorMap tensors = RandomTensors(config, 1);
  const std::string first = digest(tensors, 2);
  EXPECT_EQ(digest(tensors, 2), first);
  EXPECT_NE(digest(tensors, 1), first);
  tensors["model.norm.weight"] = at::ones({40});
  EXPECT_NE(digest(tensors, 2), first);
}

}  // namespace
}  // namespace forensics::runner
