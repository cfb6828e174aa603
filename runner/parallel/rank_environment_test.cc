#include "runner/parallel/rank_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace forensics::runner {
namespace {

using Variables = std::map<std::string, std::string>;

absl::StatusOr<std::optional<RankEnvironment>> Read(const Variables& variables) {
  return ReadRankEnvironment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Variables Torchrun() {
  return {{"RANK", "5"},         {"WORLD_SIZE", "8"},           {"LOCAL_RANK", "1"},
          {"MASTER_PORT", "29"}, {"MASTER_ADDR", "10.0.0.1"},   {"LOCAL_WORLD_SIZE", "4"},
          {"SLURM_PROCID", "7"}, {"SLURM_STEP_NUM_TASKS", "9"}, {"SLURM_LOCALID", "0"}};
}

Variables Slurm() {
  return {{"SLURM_PROCID", "3"},
          {"SLURM_STEP_NUM_TASKS", "4"},
          {"SLURM_LOCALID", "1"},
          {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"},
          {"SLURM_STEP_NODELIST", "gpu[07-08]"},
          {"SLURM_JOB_ID", "123456"}};
}

TEST(RankEnvironmentTest, IsNoneWithoutVariables) {
  const auto ranks = Read({});
  ASSERT_TRUE(ranks.ok()) << ranks.status();
  EXPECT_FALSE(ranks->has_value());
}

TEST(RankEnvironmentTest, TorchrunComesFirst) {
  const auto ranks = Read(Torchrun());
  ASSERT_TRUE(ranks.ok()) << ranks.status();
  ASSERT_TRUE(ranks->has_value());
  EXPECT_EQ((*ranks)->rank, 5);
  EXPECT_EQ((*ranks)->world_size, 8);
  EXPECT_EQ((*ranks)->local_rank, 1);
  EXPECT_EQ((*ranks)->local_world_size, 4);
  EXPECT_EQ((*ranks)->master_address, "10.0.0.1");
  EXPECT_EQ((*ranks)->master_port, 29);
  EXPECT_FALSE((*ranks)->store_is_served);
}

TEST(RankEnvironmentTest, TorchrunsAgentServesTheStore) {
  Variables variables = Torchrun();
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  EXPECT_TRUE((*Read(variables))->store_is_served);
}

TEST(RankEnvironmentTest, ReadsASlurmStep) {
  const auto ranks = Read(Slurm());
  ASSERT_TRUE(ranks.ok()) << ranks.status();
  ASSERT_TRUE(ranks->has_value());
  EXPECT_EQ((*ranks)->rank, 3);
  EXPECT_EQ((*ranks)->world_size, 4);
  EXPECT_EQ((*ranks)->local_world_size, 2);
  EXPECT_EQ((*ranks)->master_address, "gpu07");
  EXPECT_EQ((*ranks)->master_port, 20000 + 123456 % 20000);
}

TEST(RankEnvironmentTest, ASlurmStepOfOneTaskIsNoRank) {
  Variables variables = Slurm();
  variables["SLURM_PROCID"] = "0";
  variables["SLURM_LOCALID"] = "0";
  variables["SLURM_STEP_NUM_TASKS"] = "1";
  variables["SLURM_STEP_TASKS_PER_NODE"] = "1";
  const auto ranks = Read(variables);
  ASSERT_TRUE(ranks.ok()) << ranks.status();
  EXPECT_FALSE(ranks->has_value());
}

struct BadCase {
  const char* name;
  const char* variable;
  const char* value;  // null: missing
  const char* complaint;
};

class BadVariableTest : public testing::TestWithParam<BadCase> {};

TEST_P(BadVariableTest, IsNamed) {
  Variables variables = Torchrun();
  variables.erase(GetParam().variable);
  if (GetParam().value != nullptr) variables[GetParam().variable] = GetParam().value;
  const auto ranks = Read(variables);
  EXPECT_EQ(ranks.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ranks.status().message(), testing::HasSubstr(GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadVariableTest,
    testing::Values(BadCase{"rank_too_high", "RANK", "8", "RANK: expected 0 to 7, found '8'"},
                    BadCase{"no_number", "WORLD_SIZE", "four",
                            "WORLD_SIZE: expected 1 to 4096, found 'four'"},
                    BadCase{"empty", "LOCAL_RANK", "", "LOCAL_RANK: expected"},
                    BadCase{"no_port", "MASTER_PORT", "65536", "MASTER_PORT: expected 1 to 65535"},
                    BadCase{"missing_address", "MASTER_ADDR", nullptr, "MASTER_ADDR is not set"},
                    BadCase{"missing_rank", "RANK", nullptr, "RANK is not set"}),
    [](const auto& info) { return info.param.name; });

TEST(FirstHostTest, OfCompressedLists) {
  EXPECT_EQ(FirstHost("gpu[03-05,8],login"), "gpu03");
  EXPECT_EQ(FirstHost("gpu[4]"), "gpu4");
  EXPECT_EQ(FirstHost("gpu[01-02]-ib,gpu9"), "gpu01-ib");
  EXPECT_EQ(FirstHost("r[1-2]n[3-4]"), "r1n3");
  EXPECT_EQ(FirstHost("broken[7"), "broken7");
  EXPECT_EQ(FirstHost("broken["), "broken");
  EXPECT_EQ(FirstHost("a,b"), "a");
  EXPECT_EQ(FirstHost("alone"), "alone");
  EXPECT_EQ(FirstHost(""), "");
}

}  // namespace
}  // namespace forensics::runner
