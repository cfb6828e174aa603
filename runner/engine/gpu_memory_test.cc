#include "runner/engine/gpu_memory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/engine/testing/full_size_model.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;

// Qwen3-30B-A3B in 4 bits.
ModelConfig BigModel() {
  ModelConfig config = FullSizeModel();
  config.quant.method = QuantMethod::kAwq;
  return config;
}

GpuWork Work() {
  GpuWork work;
  work.weight_file_bytes = 17 * kGib;
  work.parameters = 30'532'122'624;
  work.prompt_tokens = 6000;
  work.capacity = 6144;
  return work;
}

TEST(GpuMemoryTest, PackedWeightsStayPacked) {
  const GpuMemoryNeed need = EstimateGpuMemory(BigModel(), Work());
  EXPECT_EQ(need.weights, 17 * kGib);
  EXPECT_EQ(need.cache, 2 * 48 * 512 * 6144 * 2);
  // A layer's experts in 16 bits, and what 6,000 tokens take in 8 experts each.
  EXPECT_EQ(need.workspace,
            3 * 2048 * 128 * 768 * 2 + int64_t{6000} * (2 * 2048 + 8 * (3 * 768 + 2 * 2048)) * 2);
}

TEST(GpuMemoryTest, Float32TakesTwiceTheActivationsButPackedWeightsStayPacked) {
  GpuWork work = Work();
  work.bfloat16 = false;
  const GpuMemoryNeed need = EstimateGpuMemory(BigModel(), work);
  EXPECT_EQ(need.weights, 17 * kGib);
  EXPECT_EQ(need.cache, 2 * EstimateGpuMemory(BigModel(), Work()).cache);
  EXPECT_EQ(need.workspace, 2 * EstimateGpuMemory(BigModel(), Work()).workspace);
}

TEST(GpuMemoryTest, OtherWeightsTakeTheirParameters) {
  ModelConfig plain = BigModel(), small_groups = BigModel();
  plain.quant.method = QuantMethod::kNone;
  small_groups.quant.group_size = 64;  // decoded when they are loaded
  for (const ModelConfig& config : {plain, small_groups}) {
    GpuWork work = Work();
    EXPECT_EQ(EstimateGpuMemory(config, work).weights, work.parameters * 2);
    work.bfloat16 = false;
    EXPECT_EQ(EstimateGpuMemory(config, work).weights, work.parameters * 4);
  }
}

TEST(GpuMemoryTest, RanksShare) {
  GpuWork work = Work();
  work.ranks = 8;  // more than key-value heads: neighbours share one
  const GpuMemoryNeed need = EstimateGpuMemory(BigModel(), work);
  EXPECT_EQ(need.weights, 17 * kGib / 8);
  EXPECT_EQ(need.cache, EstimateGpuMemory(BigModel(), Work()).cache / 4);
}

TEST(GpuMemoryTest, ABatchTakesMoreCache) {
  GpuWork work = Work();
  work.batch = 4;
  EXPECT_EQ(EstimateGpuMemory(BigModel(), work).cache,
            4 * EstimateGpuMemory(BigModel(), Work()).cache);
}

TEST(GpuMemoryTest, ADenseModelHasNoExperts) {
  ModelConfig config = BigModel();
  config.num_experts = config.num_experts_per_tok = 0;
  config.intermediate_size = 6144;
  EXPECT_EQ(EstimateGpuMemory(config, Work()).workspace,
            3 * 2048 * 6144 * 2 + int64_t{6000} * (2 * 2048 + 3 * 6144 + 2048) * 2);
}

TEST(GpuMemoryTest, TooLittleIsNamedWithAllFigures) {
  const GpuMemoryNeed need = {17 * kGib, kGib / 2, 2 * kGib};
  EXPECT_TRUE(CheckFits("m", need, {20 * kGib, 80 * kGib}).ok());
  const absl::Status status = CheckFits("/models/m", need, {12 * kGib, 24 * kGib});
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("/models/m does not fit"), HasSubstr("at least 19.5 GiB"),
                    HasSubstr("weights 17.0 GiB"), HasSubstr("cache 0.5 GiB"),
                    HasSubstr("work space 2.0 GiB"), HasSubstr("12.0 GiB of 24.0 GiB are free")));
}

TEST(GpuMemoryTest, WeightFilesAreAddedUp) {
  const std::string folder = std::string(testing::TempDir()) + "/weights";
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/a.safetensors") << "12345";
  std::ofstream(folder + "/b.safetensors") << "123";
  std::ofstream(folder + "/config.json") << "12345678";
  EXPECT_EQ(*WeightFileBytes(folder), 8);
  EXPECT_THAT(std::string(WeightFileBytes(folder + "/none").status().message()),
              HasSubstr(folder + "/none"));
}

}  // namespace
}  // namespace forensics::runner
