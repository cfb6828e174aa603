#include "analyzer/attribution/label_scores.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr double kTolerance = 0.02;  // what shrinkage takes

TEST(LabelScores, OneBlockHasItsOwnDistances) {
  const auto scores = LabelScores({{0, 0, 1.0}, {1, 0, 3.0}}, 3, 1);
  EXPECT_NEAR(*scores[0], 1, kTolerance);
  EXPECT_NEAR(*scores[1], 3, kTolerance);
  EXPECT_FALSE(scores[2].has_value());
}

TEST(LabelScores, AreThoseInTheNearestBlock) {
  const auto scores = LabelScores({{0, 0, 1.0}, {1, 0, 3.0}, {0, 1, 6.0}, {1, 1, 8.0}}, 2, 2);
  EXPECT_NEAR(*scores[0], 1, kTolerance);
  EXPECT_NEAR(*scores[1], 3, kTolerance);
}

// Label 1 was measured in the far block alone; its distance there is less than label 0's.
TEST(LabelScores, ALabelIsNotFarForItsBlock) {
  const auto scores = LabelScores({{0, 0, 1.0}, {0, 1, 6.0}, {1, 1, 5.0}}, 2, 2);
  EXPECT_NEAR(*scores[0], 1, kTolerance);
  EXPECT_NEAR(*scores[1], 0, kTolerance);
}

TEST(LabelScores, SeveralRunsOfACellCountTogether) {
  const auto scores = LabelScores({{0, 0, 1.0}, {0, 0, 2.0}, {1, 0, 3.0}}, 2, 1);
  EXPECT_NEAR(*scores[0], 1.5, kTolerance);
}

TEST(LabelScores, NoCellsHaveNoScores) {
  EXPECT_THAT(LabelScores({}, 2, 1), ::testing::Each(std::nullopt));
}

}  // namespace
}  // namespace forensics::analyzer
