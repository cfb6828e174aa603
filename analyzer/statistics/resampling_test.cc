#include "analyzer/statistics/resampling.h"

#include <cmath>
#include <tuple>
#include <vector>

#include "analyzer/testing/correlated_sequences.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr int kSimulations = 4000;

TEST(MeanInterval, HoldsTheMeanAndDependsOnTheSeedAlone) {
  const std::vector<double> values = CorrelatedSequences(0.5, LogNormalMarginal(), 1).Draw(32);
  const Interval interval = MeanInterval(values).value();
  double sum = 0;
  for (const double value : values) sum += value;
  EXPECT_LT(interval.low, sum / 32);
  EXPECT_GT(interval.high, sum / 32);
  EXPECT_EQ(MeanInterval(values)->low, interval.low);
  Resampling other;
  other.seed = 1;
  EXPECT_NE(MeanInterval(values, other)->low, interval.low);
}

TEST(MeanInterval, OfEqualValuesIsAPointAndOfTooFewNone) {
  const Interval point = MeanInterval(std::vector<double>(12, 2.5)).value();
  EXPECT_EQ(point.low, 2.5);
  EXPECT_EQ(point.high, 2.5);
  EXPECT_FALSE(MeanInterval(std::vector<double>(11, 2.5)).has_value());
}

// Most series of its innovations have no scatter, and next to no standard error.
TEST(MeanInterval, OfAStepIsNotEndless) {
  std::vector<double> values(32, 4);
  for (size_t i = 0; i < 3; ++i) values[i] = 0;
  const Interval interval = MeanInterval(values).value();
  EXPECT_GT(interval.low, -4);
  EXPECT_LT(interval.low, 3);
  EXPECT_LT(interval.high, 6);
}

TEST(RatioInterval, OfASequenceToItsDoubleIsAPoint) {
  const std::vector<double> values = CorrelatedSequences(0.3, LogNormalMarginal(), 1).Draw(32);
  std::vector<double> twice;
  for (const double value : values) twice.push_back(2 * value);
  EXPECT_DOUBLE_EQ(RatioInterval(twice, values)->low, 2);
  EXPECT_DOUBLE_EQ(RatioInterval(twice, values)->high, 2);
  EXPECT_FALSE(RatioInterval(values, std::vector<double>(32, 0.0)).has_value()) << "no noise";
}

TEST(ExceedanceProbability, IsOneWithoutADifferenceAndSmallForAClearOne) {
  EXPECT_EQ(ExceedanceProbability(std::vector<double>(32, 0.0)), std::optional<double>(1));
  EXPECT_LT(ExceedanceProbability(std::vector<double>(32, 1.0)).value(), 0.001);
  EXPECT_EQ(ExceedanceProbability(std::vector<double>(32, -1.0)), std::optional<double>(1));
  EXPECT_FALSE(ExceedanceProbability(std::vector<double>(11, 1.0)).has_value());
}

TEST(BlockLength, GrowsWithTheCubeRoot) {
  EXPECT_EQ(BlockLength(8), 2);
  EXPECT_EQ(BlockLength(32), 2);
  EXPECT_EQ(BlockLength(1000), 6);
}

// Sequences as experiments have them: length, coefficients at lags 1 and 2, log-normal or normal.
class Simulation : public testing::TestWithParam<std::tuple<size_t, double, double, bool>> {
 protected:
  size_t length() const { return std::get<0>(GetParam()); }
  CorrelatedSequences Sequences(uint64_t seed) const {
    [[maybe_unused]] const auto [n, first, second, log_normal] = GetParam();
    return CorrelatedSequences(first, log_normal ? LogNormalMarginal() : NormalMarginal(), seed,
                               second);
  }
};

bool Holds(const std::optional<Interval>& interval, double truth) {
  return interval->low <= truth && truth <= interval->high;
}

// How often, of kSimulations pairs of sequences.
struct Counts {
  int mean_held = 0;
  int ratio_held = 0;
  int at_5_percent = 0;
  int at_1_percent = 0;
};

template <typename Sequences>
Counts Simulate(size_t length, Sequences sequences, Sequences others) {
  Counts counts;
  for (int i = 0; i < kSimulations; ++i) {
    const std::vector<double> values = sequences.Draw(length);
    const std::vector<double> other = others.Draw(length);
    counts.mean_held += Holds(MeanInterval(values), sequences.Mean());
    counts.ratio_held += Holds(RatioInterval(values, other), 1);
    std::vector<double> differences;
    for (size_t j = 0; j < length; ++j) differences.push_back(values[j] - other[j]);
    const double p = ExceedanceProbability(differences).value();
    counts.at_5_percent += p <= 0.05;
    counts.at_1_percent += p <= 0.01;
  }
  return counts;
}

void ExpectStatedRates(const Counts& counts) {
  // The upper bounds with two standard deviations of the simulation.
  EXPECT_GE(counts.mean_held, 0.93 * kSimulations);
  EXPECT_LE(counts.mean_held, (0.97 + 2 * 0.0027) * kSimulations);
  EXPECT_GE(counts.ratio_held, 0.93 * kSimulations);
  EXPECT_LE(counts.ratio_held, (0.97 + 2 * 0.0027) * kSimulations);
  EXPECT_LE(counts.at_5_percent, (0.05 + 2 * 0.0034) * kSimulations);
  EXPECT_LE(counts.at_1_percent, (0.01 + 2 * 0.0016) * kSimulations);
}

TEST_P(Simulation, IntervalsHoldIn93To97PercentAndFalsePositivesAreAtMostTheStatedRate) {
  ExpectStatedRates(Simulate(length(), Sequences(1), Sequences(2)));
}

// Neighbours that share a part in blocks are no autoregression.
TEST(BlockSimulation, IntervalsHoldIn93To97PercentAndFalsePositivesAreAtMostTheStatedRate) {
  for (const size_t length : {12, 32}) {
    SCOPED_TRACE(length);
    ExpectStatedRates(Simulate(length, BlockSequences(0.5, 4, 1), BlockSequences(0.5, 4, 2)));
    ExpectStatedRates(Simulate(length, BlockSequences(0.8, 2, 1), BlockSequences(0.8, 2, 2)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lengths, Simulation,
    testing::Values(std::make_tuple(12, 0.0, 0.0, true), std::make_tuple(12, 0.0, 0.0, false),
                    std::make_tuple(12, 0.5, 0.0, true), std::make_tuple(12, 0.7, 0.0, true),
                    std::make_tuple(12, 0.3, 0.3, true), std::make_tuple(16, 0.3, 0.0, true),
                    std::make_tuple(16, 0.7, 0.0, true), std::make_tuple(16, 0.3, 0.3, true),
                    std::make_tuple(20, 0.5, 0.0, false), std::make_tuple(20, 0.7, 0.0, true),
                    std::make_tuple(20, 0.3, 0.3, true), std::make_tuple(32, 0.0, 0.0, true),
                    std::make_tuple(32, 0.3, 0.0, true), std::make_tuple(32, 0.5, 0.0, true),
                    std::make_tuple(32, 0.5, 0.0, false), std::make_tuple(32, 0.3, 0.3, true),
                    std::make_tuple(64, 0.3, 0.3, true), std::make_tuple(64, 0.7, 0.0, true)));

// A few positions do not show how correlated they are well enough for less.
TEST(ExceedanceProbability, IsNotVerySmallForFewPositions) {
  EXPECT_NEAR(ExceedanceProbability(std::vector<double>(12, 1.0)).value(), 0.05 * std::sqrt(0.004),
              1e-15);
  EXPECT_NEAR(ExceedanceProbability(std::vector<double>(16, 1.0)).value(), 0.05 * std::sqrt(0.004),
              1e-15);
  EXPECT_NEAR(ExceedanceProbability(std::vector<double>(32, 1.0)).value(),
              0.05 * std::pow(0.004, 1 - 0.375 * 0.375), 1e-15);
  EXPECT_LT(ExceedanceProbability(std::vector<double>(1000, 1.0)).value(), 0.00021);
}

TEST(ExceedanceProbability, FindsWhatIsThere) {
  CorrelatedSequences sequences(0.3, LogNormalMarginal(), 5), others(0.3, LogNormalMarginal(), 6);
  int found = 0;
  for (int i = 0; i < 200; ++i) {
    std::vector<double> differences = sequences.Draw(32);
    const std::vector<double> other = others.Draw(32);
    for (size_t j = 0; j < differences.size(); ++j) differences[j] = 2 * differences[j] - other[j];
    found += ExceedanceProbability(differences).value() <= 0.05;
  }
  EXPECT_GE(found, 160) << "of a doubled distance at 32 positions";
}

}  // namespace
}  // namespace forensics::analyzer
