#include "runner/parallel/sharding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace forensics::runner {
namespace {

// Qwen3-30B-A3B's dimensions.
ModelConfig Config() {
  ModelConfig config;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 4;
  config.vocab_size = 151936;
  config.num_experts = 128;
  config.moe_intermediate_size = 768;
  config.is_moe_layer = {true, true};
  return config;
}

std::vector<int64_t> Ends(const Range& range) { return {range.begin, range.end}; }

TEST(ShardingTest, PartsCoverTheWholeWithoutOverlap) {
  for (const int64_t count : {0, 1, 7, 768, 151937}) {
    for (const int parts : {1, 2, 3, 4, 8}) {
      int64_t next = 0;
      for (int i = 0; i < parts; ++i) {
        const Range range = EvenPart(count, parts, i);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.size(), count / parts + 1);
        EXPECT_GE(range.size(), count / parts);
        next = range.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(ShardingTest, OneRankHoldsEverything) {
  const ModelConfig config = Config();
  const Sharding whole;
  EXPECT_TRUE(whole.IsWhole());
  EXPECT_THAT(Ends(whole.QueryHeads(config)), testing::ElementsAre(0, 32));
  EXPECT_THAT(Ends(whole.KeyValueHeads(config)), testing::ElementsAre(0, 4));
  EXPECT_THAT(Ends(whole.Width(768)), testing::ElementsAre(0, 768));
  EXPECT_THAT(Ends(whole.Experts(config)), testing::ElementsAre(0, 128));
  EXPECT_THAT(Ends(whole.Vocabulary(config)), testing::ElementsAre(0, 151936));
}

TEST(ShardingTest, TensorParallelismCutsHeadsWidthAndVocabulary) {
  const ModelConfig config = Config();
  const Sharding last = {4, 1, 3};
  EXPECT_THAT(Ends(last.QueryHeads(config)), testing::ElementsAre(24, 32));
  EXPECT_THAT(Ends(last.KeyValueHeads(config)), testing::ElementsAre(3, 4));
  EXPECT_THAT(Ends(last.Width(768)), testing::ElementsAre(576, 768));  // not a multiple of 128
  EXPECT_THAT(Ends(last.Experts(config)), testing::ElementsAre(0, 128));
  EXPECT_THAT(Ends(last.Vocabulary(config)), testing::ElementsAre(113952, 151936));
  EXPECT_THAT(last.VocabularySizes(config), testing::ElementsAre(37984, 37984, 37984, 37984));
}

TEST(ShardingTest, NeighboursShareAKeyValueHead) {
  const ModelConfig config = Config();
  for (int rank = 0; rank < 8; ++rank) {
    const Sharding sharding = {8, 1, rank};
    // The head that this rank's query heads read.
    const int64_t group = config.num_attention_heads / config.num_key_value_heads;
    EXPECT_EQ(sharding.KeyValueHeads(config).begin, sharding.QueryHeads(config).begin / group);
    EXPECT_EQ(sharding.KeyValueHeads(config).size(), 1);
  }
}

TEST(ShardingTest, ExpertParallelismDealsOutExperts) {
  const ModelConfig config = Config();
  const Sharding second = {1, 4, 1};
  EXPECT_THAT(Ends(second.Experts(config)), testing::ElementsAre(32, 64));
  EXPECT_THAT(Ends(second.QueryHeads(config)), testing::ElementsAre(0, 32));
  EXPECT_THAT(Ends(second.Vocabulary(config)), testing::ElementsAre(0, 151936));
}

TEST(ShardingTest, WhatCannotBeCutIsNamed) {
  const auto complaint = [](const ModelConfig& config, const Sharding& sharding) {
    return std::string(CheckSharding(config, sharding).message());
  };
  EXPECT_THAT(complaint(Config(), {3, 1, 0}), testing::HasSubstr("num_attention_heads 32"));
  EXPECT_THAT(complaint(Config(), {2, 2, 0}), testing::HasSubstr("only one"));
  EXPECT_THAT(complaint(Config(), {1, 129, 0}), testing::HasSubstr("129"));
  ModelConfig odd = Config();
  odd.num_key_value_heads = 3;
  odd.num_attention_heads = 12;
  EXPECT_THAT(complaint(odd, {2, 1, 0}), testing::HasSubstr("num_key_value_heads 3"));
  ModelConfig dense = Config();
  dense.is_moe_layer = {false, false};
  dense.intermediate_size = 1;
  EXPECT_THAT(complaint(dense, {1, 2, 0}), testing::HasSubstr("no experts"));
  EXPECT_THAT(complaint(dense, {2, 1, 0}), testing::HasSubstr("columns of an MLP, 1"));
  EXPECT_EQ(complaint(Config(), {8, 1, 0}), "");
  EXPECT_EQ(complaint(Config(), {1, 128, 0}), "");
}

}  // namespace
}  // namespace forensics::runner
