#include "analyzer/attribution/run_distance.h"

#include <cmath>
#include <limits>
#include <utility>

#include "analyzer/comparison/run_comparison.h"
#include "analyzer/testing/builders.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class DistanceOfTest : public ::testing::Test {
 protected:
  DistanceOfTest() { b_.steps = a_.steps; }

  RunDistance Distance() const {
    return DistanceOf({&configuration_, &a_}, {&configuration_, &b_});
  }

  Configuration configuration_ = MakeConfiguration("A100_1", "A100", int64_t{1});
  RunRecord a_ = MakeRun("A100_1");
  RunRecord b_ = MakeRun("A100_2", {4, 3, 0});
};

TEST_F(DistanceOfTest, CountsEachPositionOnce) {
  const RunDistance distance = Distance();
  ASSERT_EQ(distance.signals.size(), 5u);
  const SignalDistance& hidden = distance.signals.at(kHidden1);
  EXPECT_EQ(hidden.positions, 5);  // -2 to 2, in three windows of three
  EXPECT_EQ(hidden.mean_l2, 4);
  EXPECT_EQ(hidden.identical, 0);
  EXPECT_EQ(distance.signals.at(kKeys1).mean_l2, 2);
  EXPECT_EQ(distance.signals.at(kLogProbsId).mean_l2, 4);
  EXPECT_FALSE(distance.identical());
  EXPECT_EQ(distance.identical_signals(), 0);
}

TEST_F(DistanceOfTest, IsTheOneOfCompare) {
  const RunComparison comparison = CompareRuns(a_, b_, {kHidden1, kHidden2, kKeys1, kLogProbsId});
  const RunDistance distance = Distance();
  for (const auto& [signal, compared] : comparison.signals) {
    const DistanceSummary& l2 = compared.in(Phase::kAll).l2;
    EXPECT_EQ(distance.signals.at(signal).positions, l2.n) << SignalName(signal);
    EXPECT_NEAR(distance.signals.at(signal).mean_l2, l2.mean, 1e-12) << SignalName(signal);
  }
}

TEST_F(DistanceOfTest, OfManyPairsIsThatOfEach) {
  RunRecord shorter = MakeRun("A100_3", {1, 2, 3});
  shorter.vectors.begin()->second.erase(shorter.vectors.begin()->second.begin());
  RunRecord other_tokens = b_;
  other_tokens.steps.begin()->second.token_id = 77;
  RunRecord without_keys = a_;
  without_keys.vectors.erase(kKeys1);
  std::vector<ComparedRun> runs;
  for (const RunRecord* run : {&a_, &b_, &shorter, &other_tokens, &without_keys}) {
    runs.push_back({&configuration_, run});
  }
  std::vector<RunPair> pairs;
  for (const ComparedRun& one : runs) {
    for (const ComparedRun& other : runs) pairs.emplace_back(one, other);
  }
  const std::vector<RunDistance> distances = DistancesOf({{}, pairs}).back();
  ASSERT_EQ(distances.size(), pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    const RunDistance alone = DistanceOf(pairs[i].first, pairs[i].second);
    ASSERT_EQ(distances[i].signals.size(), alone.signals.size()) << i;
    for (const auto& [signal, expected] : alone.signals) {
      const SignalDistance& found = distances[i].signals.at(signal);
      EXPECT_EQ(found.positions, expected.positions) << i;
      EXPECT_EQ(found.mean_l2, expected.mean_l2) << i;
      EXPECT_EQ(found.compared, expected.compared) << i;
      EXPECT_EQ(found.identical, expected.identical) << i;
    }
  }
  EXPECT_LT(distances[2].signals.at(shorter.vectors.begin()->first).compared, 5);
  EXPECT_EQ(distances[4].signals.count(kKeys1), 0u);
}

TEST_F(DistanceOfTest, TheSameBitsAreIdentical) {
  b_ = a_;
  const RunDistance distance = Distance();
  EXPECT_TRUE(distance.identical());
  EXPECT_EQ(distance.signals.at(kHidden2).identical, 5);
  EXPECT_EQ(distance.signals.at(kHidden2).mean_l2, 0);
}

TEST_F(DistanceOfTest, ZerosOfOtherSignAreNotIdentical) {
  b_ = a_;
  for (RunRecord* run : {&a_, &b_}) {
    SetVector(*run, kHidden1, {2, -1}, {run == &a_ ? 0.0f : -0.0f, 8, 2, 1});
  }
  const RunDistance distance = Distance();
  EXPECT_EQ(distance.signals.at(kHidden1).mean_l2, 0);
  EXPECT_EQ(distance.signals.at(kHidden1).identical, 4);
  EXPECT_FALSE(distance.identical());
}

TEST_F(DistanceOfTest, NotFiniteVectorsHaveBitsButNoDistance) {
  SetVector(a_, kHidden1, {2, -1}, {kNaN, 8, 2, 1});
  EXPECT_EQ(Distance().signals.at(kHidden1).positions, 4);
  EXPECT_EQ(Distance().signals.at(kHidden1).compared, 5);
  EXPECT_EQ(Distance().signals.at(kHidden1).mean_l2, 4);
  b_ = a_;
  EXPECT_TRUE(Distance().identical());
}

TEST_F(DistanceOfTest, LeavesOutWhatLiesBehindOtherTokens) {
  b_.steps[0].token_id = 7;
  EXPECT_EQ(Distance().signals.at(kHidden1).positions, 3) << "step 0 alone";
}

TEST_F(DistanceOfTest, OtherPromptsAreNotComparable) {
  a_.prompt_text = "one";
  b_.prompt_text = "two";
  EXPECT_FALSE(Distance().comparable());
  EXPECT_FALSE(Distance().same_prompt);
  EXPECT_FALSE(Distance().identical());
}

TEST_F(DistanceOfTest, LeavesOutWhatOneRunAloneHasAndOtherLengths) {
  a_.vectors.erase(kKeys1);
  SetVector(b_, kHidden1, {2, -1}, {1, 2});
  const RunDistance distance = Distance();
  EXPECT_EQ(distance.signals.count(kKeys1), 0u);
  EXPECT_EQ(distance.signals.at(kHidden1).positions, 4);
}

TEST_F(DistanceOfTest, OtherLengthsAreNotIdenticalAndCounted) {
  b_ = a_;
  SetVector(b_, kHidden1, {2, -1}, {1, 2});
  EXPECT_EQ(Distance().not_compared.other_length, 1);
  EXPECT_EQ(Distance().identical_signals(), 5) << "in what is compared";
  EXPECT_FALSE(Distance().identical());
}

TEST_F(DistanceOfTest, AnotherChosenTokenIsNotIdentical) {
  b_ = a_;
  b_.steps[2].token_id = 7;
  EXPECT_EQ(Distance().not_compared.total(), 0) << "nothing lies behind it";
  EXPECT_EQ(Distance().first_other_token, 2);
  EXPECT_FALSE(Distance().identical());
  b_.steps[1].token_id = 7;
  EXPECT_EQ(Distance().not_compared.other_context, 5) << "one position of five signals";
}

TEST_F(DistanceOfTest, WhatOneRunAloneHasIsCountedAndNoObjection) {
  b_ = a_;
  b_.vectors.erase(kKeys1);
  EXPECT_EQ(Distance().not_compared.one_sided, 5);
  EXPECT_TRUE(Distance().identical());
  std::swap(a_, b_);
  EXPECT_EQ(Distance().not_compared.one_sided, 5) << "whichever it is";
  a_.log_probs.erase({2, -1});
  EXPECT_EQ(Distance().not_compared.one_sided, 6);
}

RunDistance WithMeans(double hidden, double keys) {
  RunDistance distance;
  distance.signals[kHidden1] = {5, hidden, 5, 0};
  distance.signals[kKeys1] = {5, keys, 5, 0};
  return distance;
}

TEST(LogDistance, IsTheMeanOverSignalsInUnitsOfTheNoise) {
  const NoiseScales scales = {{kHidden1, 2}, {kKeys1, 0.5}};
  EXPECT_NEAR(*LogDistance(WithMeans(2, 0.5), scales), 0, 1e-4);
  EXPECT_NEAR(*LogDistance(WithMeans(200, 50), scales), std::log(100), 1e-6);
  EXPECT_NEAR(*LogDistance(WithMeans(20, 0.5), scales), std::log(10) / 2, 1e-4);
  EXPECT_NEAR(*LogDistance(WithMeans(0, 0), scales), std::log(0.01), 1e-12) << "the floor";
}

TEST(LogDistance, TakesSignalsThatHaveAScale) {
  EXPECT_NEAR(*LogDistance(WithMeans(20, 7), {{kHidden1, 2}}), std::log(10), 1e-4);
  EXPECT_FALSE(LogDistance(WithMeans(20, 7), {}).has_value());
  EXPECT_FALSE(LogDistance(RunDistance(), {{kHidden1, 2}}).has_value());
}

TEST(LogL2, IsOfTheMeanOverAllSignals) {
  EXPECT_NEAR(*LogL2(WithMeans(2e-5, 8e-5)), std::log(5e-5), 1e-12) << "no floor";
  EXPECT_NEAR(*LogL2(WithMeans(0, 8e-5)), std::log(4e-5), 1e-12);
  EXPECT_EQ(std::exp(*LogL2(WithMeans(0, 0))), 0);
  EXPECT_FALSE(LogL2(RunDistance()).has_value());
}

TEST(LogL2, ASignalThatAgreesIsNearer) {
  EXPECT_LT(*LogL2(WithMeans(0, 10)), *LogL2(WithMeans(9, 9)));
  EXPECT_LT(*LogL2(WithMeans(0, 9)), *LogL2(WithMeans(1e-9, 9)));
}

TEST(LogL2, LeavesOutSignalsWithoutAFiniteDistance) {
  RunDistance distance = WithMeans(2, 8);
  distance.signals[kKeys1] = {0, 0, 5, 0};
  EXPECT_NEAR(*LogL2(distance), std::log(2), 1e-12);
}

}  // namespace
}  // namespace forensics::analyzer
