// Damaged checkpoints: each error names the file or tensor, what was expected and what was found.
#include "runner/checkpoint/checkpoint.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
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
  EXPECT_EQ(checkpoint->PackedWeight(module).status(),
            checkpoint->LinearWeight(module, at::kFloat).status());
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
