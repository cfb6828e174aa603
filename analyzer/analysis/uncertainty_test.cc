#include "analyzer/analysis/uncertainty.h"

#include "analyzer/testing/correlated_sequences.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::Pair;

// Positions -2 to 29, as 30 steps have them.
PositionSeries Series(uint64_t seed, double factor) {
  PositionSeries series;
  int64_t position = -2;
  for (const double value : CorrelatedSequences(0.3, LogNormalMarginal(), seed).Draw(32)) {
    series[position++] = factor * value;
  }
  return series;
}

TEST(MeanSeries, IsOverTheSeriesThatHaveThePosition) {
  EXPECT_THAT(MeanSeries({{{0, 1.0}, {1, 2.0}}, {{1, 4.0}}}), ElementsAre(Pair(0, 1), Pair(1, 3)));
}

TEST(MeanIntervals, AreOfEachPhaseThatHasEnoughPositions) {
  const auto intervals = MeanIntervals(Series(1, 1));
  EXPECT_TRUE(intervals[static_cast<size_t>(Phase::kAll)].has_value());
  EXPECT_TRUE(intervals[static_cast<size_t>(Phase::kDecode)].has_value());
  EXPECT_FALSE(intervals[static_cast<size_t>(Phase::kPrefill)].has_value()) << "three positions";
}

TEST(MeanIntervals, ReachNoNegativeDistance) {
  PositionSeries series;
  for (int64_t i = 1; i <= 20; ++i) series[i] = i == 5 ? 1 : 0;
  EXPECT_EQ(MeanIntervals(series)[0]->low, 0);
}

TEST(CompareWithNoise, IsOverThePositionsThatBothHave) {
  PositionSeries noise = Series(2, 1);
  noise.erase(-2);
  noise[99] = 1000;
  const NoiseComparison comparison = CompareWithNoise(Series(1, 4), noise).value();
  EXPECT_EQ(comparison.positions, 31);
  EXPECT_GT(comparison.snr.value(), 2.5);
  EXPECT_LT(comparison.snr.value(), 6);
  EXPECT_LT(comparison.snr_interval->low, comparison.snr.value());
  EXPECT_GT(comparison.snr_interval->high, comparison.snr.value());
  EXPECT_LT(comparison.p_value.value(), 0.001);
  EXPECT_GT(comparison.roc.auc, 0.95);
  EXPECT_LT(comparison.tokens_needed.value(), 20);
  EXPECT_FALSE(CompareWithNoise(Series(1, 4), {{99, 1.0}}).has_value());
}

TEST(CompareWithNoise, IdenticalRunsOnIdenticalHardwareDoNotStandOut) {
  PositionSeries zeros = Series(1, 0);
  const NoiseComparison comparison = CompareWithNoise(zeros, zeros).value();
  EXPECT_EQ(comparison.snr, std::nullopt);
  EXPECT_FALSE(comparison.snr_interval.has_value());
  EXPECT_EQ(comparison.interval_reason, "no noise");
  EXPECT_EQ(CompareWithNoise(zeros, Series(1, 1))->interval_reason, "no distance: the SNR is 0");
  EXPECT_THAT(comparison.p_value, Optional(1.0));
  EXPECT_EQ(comparison.roc.auc, 0.5);
  EXPECT_EQ(comparison.tokens_needed, std::nullopt);
}

TEST(CompareWithNoise, TooFewPositionsHaveNoTest) {
  const NoiseComparison comparison = CompareWithNoise({{0, 2.0}}, {{0, 1.0}}).value();
  EXPECT_THAT(comparison.snr, Optional(2.0));
  EXPECT_EQ(comparison.p_value, std::nullopt);
  EXPECT_FALSE(comparison.snr_interval.has_value());
  EXPECT_EQ(comparison.interval_reason, "1 position: fewer than 12");
  EXPECT_EQ(CompareWithNoise(Series(1, 2), Series(2, 1))->interval_reason, "");
}

// One position of twelve has nearly all of the distance, another nearly all of the noise.
TEST(CompareWithNoise, AnIntervalThatSaysNothingIsNone) {
  const auto spike = [](int64_t at, double height) {
    PositionSeries series;
    for (int64_t position = 1; position <= 12; ++position) series[position] = 1;
    series[at] = height;
    return series;
  };
  const NoiseComparison wide = CompareWithNoise(spike(3, 1e6), spike(9, 1e6)).value();
  EXPECT_THAT(wide.snr, Optional(1.0));
  EXPECT_FALSE(wide.snr_interval.has_value())
      << wide.snr_interval->low << " to " << wide.snr_interval->high;
  EXPECT_EQ(wide.interval_reason,
            "so wide that it says nothing: its ends are more than 1000 times apart, 12 positions "
            "with too much scatter");
  EXPECT_TRUE(wide.p_value.has_value());
  const NoiseComparison narrow = CompareWithNoise(spike(3, 2), spike(9, 2)).value();
  EXPECT_TRUE(narrow.snr_interval.has_value());
  EXPECT_EQ(narrow.interval_reason, "");
}

}  // namespace
}  // namespace forensics::analyzer
