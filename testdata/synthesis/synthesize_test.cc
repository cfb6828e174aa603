#include "testdata/synthesis/synthesize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/tensor_registry.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "testdata/synthesis/testing/small_config.h"

namespace forensics::synthesis {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr int64_t kShardBytes = 2'000'000;  // four or five shards

// A path that does not exist.
std::string NewPath() {
  static int count = 0;
  return absl::StrCat(testing::TempDir(), "/new_", ++count);
}

std::string SmallConfig() {
  const std::string path = NewPath() + "/config.json";
  EXPECT_TRUE(schema::WriteFileAtomically(path, SmallConfigJson(1)).ok());
  return path;
}

CheckpointPlan Plan(absl::string_view config, absl::string_view quant, uint64_t seed = 0,
                    int64_t max_shard_bytes = kShardBytes) {
  return PlanCheckpoint(ComposeTextFiles(config, quant).value(), seed, max_shard_bytes).value();
}

absl::Status Write(const CheckpointPlan& plan, const std::string& directory, int threads = 2) {
  return WriteCheckpoint(plan, directory, threads, [](int64_t) {});
}

std::vector<std::string> Names(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

std::string DigestOf(absl::string_view quant, uint64_t seed, int threads) {
  const std::string directory = NewPath();
  EXPECT_TRUE(Write(Plan(SmallConfig(), quant, seed), directory, threads).ok());
  const auto checkpoint = runner::Checkpoint::Open(directory);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  return checkpoint.ok() ? (*checkpoint)->Digest().value() : "";
}

class FormatTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};

// Opening checks every tensor's name, shape and dtype.
TEST_P(FormatTest, HasItsDigestOnEveryMachine) {
  const auto [quant, digest] = GetParam();
  EXPECT_EQ(DigestOf(quant, 0, 1), digest);
  EXPECT_EQ(DigestOf(quant, 0, 3), digest);
  EXPECT_NE(DigestOf(quant, 1, 3), digest);
}

INSTANTIATE_TEST_SUITE_P(
    All, FormatTest,
    testing::Values(
        std::pair("awq", "dec255c71d6a360ce502e53c0fb7f86af815659b2f61af155e1f8102557096c2"),
        std::pair("gptq", "a8f638f280afadca80b83bfd306e4cbe3e23c8f30035f8f47ee648f4f3cad59b"),
        std::pair("bnb", "3d5153b8b6b8a8a0e698487b45ab5d30f59ac32b73894bacb89c1ba213067646"),
        std::pair("none", "6dfdba702e35a8187afa6c0ace90c4fabbbb380a44c42dd863860b73d7215710")),
    [](const auto& info) { return std::string(info.param.first); });

struct FullSize {
  const char* quant;
  int64_t tensors;
  int64_t bytes;  // of weights
  size_t shards;
  const char* sample;  // SampleDigest
};

class FullSizeTest : public testing::TestWithParam<FullSize> {};

// Of all tensors but the layouts of NF4, which are text.
int64_t WeightBytes(const CheckpointPlan& plan) {
  int64_t sum = 0;
  for (const Shard& shard : plan.shards) {
    for (const auto& [tensor, offset] : shard.tensors) {
      if (!absl::EndsWith(tensor.name, runner::kNf4LayoutSuffix)) sum += tensor.bytes;
    }
  }
  return sum;
}

// Of all headers and the first bytes of every tensor. If it changes, so do the digests that
// synthesize_main.cc tells users.
std::string SampleDigest(const CheckpointPlan& plan) {
  constexpr int64_t kSample = 64;
  schema::Sha256 sha;
  for (const Shard& shard : plan.shards) {
    sha.Update(shard.header);
    for (const auto& [tensor, offset] : shard.tensors) {
      std::string bytes(static_cast<size_t>(std::min(tensor.bytes, kSample)), '\0');
      tensor.fill(0, static_cast<int64_t>(bytes.size()), bytes.data());
      sha.Update(bytes);
    }
  }
  return absl::BytesToHexString(sha.Finish());
}

TEST_P(FullSizeTest, HasThePublishedTensors) {
  const auto [quant, tensors, bytes, shards, sample] = GetParam();
  const CheckpointPlan plan = Plan("qwen3_30b_a3b", quant, 0, kMaxShardBytes);
  EXPECT_EQ(plan.tensors(), tensors);
  EXPECT_EQ(WeightBytes(plan), bytes);
  EXPECT_EQ(plan.shards.size(), shards);
  EXPECT_EQ(SampleDigest(plan), sample);
  for (const Shard& shard : plan.shards) {
    EXPECT_LT(shard.file_bytes, kMaxShardBytes + 10'000'000) << shard.file_name;
    EXPECT_GT(shard.file_bytes, kMaxShardBytes * 4 / 5) << shard.file_name;
  }
  EXPECT_GT(plan.text_files.at("tokenizer.json").size(), 10'000'000);
}

constexpr int64_t kLayers = 48;
constexpr int64_t kParameters = 30'532'122'624;  // of Qwen3-30B-A3B
constexpr int64_t kRouters = kLayers * 128 * 2048;
constexpr int64_t kPacked =  // weights of attention and experts
    kLayers * (2048 * (2 * 4096 + 2 * 512) + 128 * 3 * 2048 * 768);
constexpr int64_t kPackedLayers = kLayers * (4 + 128 * 3);
constexpr int64_t kPackedInputs = kLayers * (3 * 2048 + 4096 + 128 * (2 * 2048 + 768));
// Half a byte a weight; half a byte and two for each group of 128.
constexpr int64_t kAwqBytes = 2 * (kParameters - kPacked) + kPacked / 2 + kPacked / 128 * 5 / 2;
// Half a byte a weight, a byte for each 64, a float for each 256 of those, and two tables.
constexpr int64_t kNf4Packed = kPacked + kRouters;
constexpr int64_t kNf4Bytes = 2 * (kParameters - kNf4Packed) + kNf4Packed / 2 + kNf4Packed / 64 +
                              kNf4Packed / 64 / 256 * 4 +
                              (kPackedLayers + kLayers) * (256 + 16) * 4;

INSTANTIATE_TEST_SUITE_P(
    All, FullSizeTest,
    testing::Values(FullSize{"none", 18867, 2 * kParameters, 13,
                             "9cbdf921efeca07f90b55b5f10b68e418e1bd94222ba671274ee5407eeac439e"},
                    FullSize{"awq", 56115, kAwqBytes, 4,
                             "f0d3960d5b038354527b2d4a2958abeb01b3cc5e2be0858e707d34405a84ead8"},
                    FullSize{"gptq", 74739, kAwqBytes + 4 * kPackedInputs, 4,
                             "701a3c5bad54e0673c3d409f0b90e610f4661184b920be136cea0af19cf9e6bd"},
                    FullSize{"bnb", 112227, kNf4Bytes, 4,
                             "aaaa3f36d7e0bd8bb07f5ec51b4ea84179630e738ddad3292b4d5b8329c6f1fd"}),
    [](const auto& info) { return std::string(info.param.quant); });

TEST(PlanTest, TheIndexNamesEveryTensorsFile) {
  const CheckpointPlan plan = Plan(SmallConfig(), "awq");
  ASSERT_GT(plan.shards.size(), 1);
  const std::string& index = plan.text_files.at("model.safetensors.index.json");
  EXPECT_THAT(index, HasSubstr(absl::StrCat("\"total_size\":", WeightBytes(plan), "}")));
  EXPECT_THAT(index,
              HasSubstr(absl::StrCat("\"lm_head.weight\":\"", plan.shards.back().file_name, "\"")));
}

TEST(PlanTest, ASmallModelIsOneFile) {
  const CheckpointPlan plan = Plan(SmallConfig(), "awq", 0, kMaxShardBytes);
  ASSERT_EQ(plan.shards.size(), 1);
  EXPECT_EQ(plan.shards[0].file_name, "model.safetensors");
  EXPECT_EQ(plan.text_files.count("model.safetensors.index.json"), 0);
  // Its vocabulary has no room for Qwen3's ids.
  EXPECT_EQ(plan.text_files.size(), 1);
}

TEST(PlanTest, WhatLiesBesideAConfigComesAlong) {
  const TextFiles files =
      ComposeTextFiles("testdata/mini_qwen3_moe/gptq/config.json", "awq").value();
  EXPECT_EQ(files.size(), 4);
  EXPECT_EQ(files.at("tokenizer.json"),
            schema::ReadFile("testdata/mini_qwen3_moe/gptq/tokenizer.json").value());
  EXPECT_THAT(files.at("config.json"), HasSubstr("\"quant_method\": \"awq\""));
  EXPECT_THAT(files.at("config.json"), Not(HasSubstr("gptq")));
  EXPECT_THAT(files.at("config.json"), HasSubstr("\"torch_dtype\": \"float16\""));
}

TEST(PlanTest, Refusals) {
  EXPECT_THAT(ComposeTextFiles("qwen3_30b_a3b", "int8").status().message(),
              HasSubstr("expected awq, gptq, bnb or none, found 'int8'"));
  EXPECT_THAT(ComposeTextFiles("qwen4", "awq").status().message(),
              HasSubstr("expected qwen3_30b_a3b or the path of a config.json, found 'qwen4'"));
  EXPECT_THAT(ComposeTextFiles("no/config.json", "awq").status().message(),
              HasSubstr("no/config.json"));
  const TextFiles odd = {{"config.json", R"({"architectures": ["GPT2LMHeadModel"]})"}};
  EXPECT_THAT(PlanCheckpoint(odd, 0).status().message(), HasSubstr("GPT2LMHeadModel"));
  TextFiles narrow = ComposeTextFiles(SmallConfig(), "awq").value();
  std::string& config = narrow.at("config.json");
  const std::string width = "\"moe_intermediate_size\": 128";
  config.replace(config.find(width), width.size(), "\"moe_intermediate_size\": 96");
  EXPECT_THAT(PlanCheckpoint(narrow, 0).status().message(), HasSubstr("cannot be packed by awq"));
}

TEST(WriteTest, ADirectoryThatHoldsSomethingIsLeftAlone) {
  const CheckpointPlan plan = Plan(SmallConfig(), "awq");
  const std::string directory = NewPath();
  ASSERT_TRUE(schema::WriteFileAtomically(directory + "/notes", "mine").ok());
  EXPECT_THAT(Write(plan, directory).message(), HasSubstr("found notes in it"));
  EXPECT_THAT(Names(directory), ElementsAre("notes"));
  EXPECT_THAT(Write(plan, directory + "/notes").message(), HasSubstr("cannot make the directory"));
  EXPECT_EQ(schema::ReadFile(directory + "/notes").value(), "mine");
}

TEST(WriteTest, AnEmptyDirectoryAndWhatAKilledProcessLeftAreNoHindrance) {
  const std::string directory = NewPath();
  fs::create_directories(directory);
  std::ofstream(directory + "/model.safetensors.tmp.999999999") << "half";
  ASSERT_TRUE(Write(Plan(SmallConfig(), "gptq", 0, kMaxShardBytes), directory).ok());
  EXPECT_THAT(Names(directory), UnorderedElementsAre("config.json", "model.safetensors"));
}

TEST(WriteTest, NothingIsLeftOfAFailure) {
  const CheckpointPlan plan = Plan(SmallConfig(), "bnb");
  const std::string made = NewPath(), given = NewPath();
  fs::create_directories(given);
  // The same error path as of a full disk: files must not grow beyond half a shard.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit low = {kShardBytes / 2, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &low);
  const absl::Status status = Write(plan, made);
  const absl::Status second = Write(plan, given);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(status.message(), HasSubstr("model-00001-of-"));
  EXPECT_FALSE(fs::exists(made));
  EXPECT_FALSE(second.ok());
  EXPECT_THAT(Names(given), IsEmpty());
  EXPECT_TRUE(Write(plan, given).ok());
}

TEST(WriteTest, ADiskThatIsTooSmallIsNamedBeforehand) {
  CheckpointPlan plan = Plan(SmallConfig(), "awq");
  plan.shards[0].file_bytes += int64_t{1} << 60;
  const std::string directory = NewPath();
  const absl::Status status = Write(plan, directory);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("the checkpoint takes"));
  EXPECT_FALSE(fs::exists(directory));
}

}  // namespace
}  // namespace forensics::synthesis
