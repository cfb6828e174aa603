#include "analyzer/statistics/small_samples.h"

#include <cmath>
#include <limits>
#include <random>
#include <tuple>

#include "gtest/gtest.h"
#include "schema/run_times.h"

namespace forensics::analyzer {
namespace {

// By hand: ratio 1.5, variances of the means 1/3 and 0, so two degrees of freedom, t = 4.302653:
// half the width is t sqrt(1/3) / 4.
TEST(MeanRatioInterval, IsStudentsWhereTheDenominatorDoesNotVary) {
  const Interval interval = MeanRatioInterval({3, 6, 1}, {3, 4, 0}).value();
  EXPECT_NEAR(interval.low, 1.5 - 4.302653 / std::sqrt(3) / 4, 1e-6);
  EXPECT_NEAR(interval.high, 1.5 + 4.302653 / std::sqrt(3) / 4, 1e-6);
}

// By hand: equal variances of 0.01 at means of 1, so four degrees of freedom, t = 2.776445:
// g = t^2 / 300 = 0.02569549, and the bounds are (1 -+ sqrt(2 g - g^2)) / (1 - g).
TEST(MeanRatioInterval, IsFiellersWhereBothVary) {
  const Interval interval = MeanRatioInterval({3, 1, 0.01}, {3, 1, 0.01}).value();
  EXPECT_NEAR(interval.low, 0.795198, 1e-6);
  EXPECT_NEAR(interval.high, 1.257548, 1e-6);
}

TEST(MeanRatioInterval, NoneWhereNothingCanBeSaid) {
  EXPECT_FALSE(MeanRatioInterval({1, 6, 0}, {3, 4, 1}).has_value()) << "one value";
  EXPECT_FALSE(MeanRatioInterval({3, 6, 0}, {3, 4, 0}).has_value()) << "no scatter";
  EXPECT_FALSE(MeanRatioInterval({2, 6, 1}, {2, 4, 4}).has_value()) << "no upper bound";
  EXPECT_EQ(MeanRatioInterval({2, 1, 1}, {2, 4, 0.01})->low, 0) << "no negative times";
}

// Variances whose squares are beyond a double.
TEST(MeanRatioInterval, IsTheSameInAnyUnit) {
  const Interval interval = MeanRatioInterval({3, 6, 1}, {3, 4, 2}).value();
  for (const double unit : {std::ldexp(1, 300), std::ldexp(1, -300)}) {
    const Sample numerator{3, 6 * unit, unit * unit}, denominator{3, 4 * unit, 2 * unit * unit};
    EXPECT_EQ(MeanRatioInterval(numerator, denominator)->low, interval.low) << unit;
    EXPECT_EQ(MeanRatioInterval(numerator, denominator)->high, interval.high) << unit;
    EXPECT_EQ(LargerMeanProbability(numerator, denominator),
              LargerMeanProbability({3, 6, 1}, {3, 4, 2}))
        << unit;
  }
}

TEST(MeanRatioInterval, NoneBeyondADouble) {
  const double infinite = std::numeric_limits<double>::infinity();
  const Sample usual{3, 4, 1};
  EXPECT_FALSE(MeanRatioInterval({3, 1e200, infinite}, usual).has_value());
  EXPECT_FALSE(MeanRatioInterval(usual, {3, 1e200, infinite}).has_value());
  EXPECT_FALSE(MeanRatioInterval({3, infinite, std::nan("")}, usual).has_value());
  EXPECT_FALSE(MeanRatioInterval({3, 1e300, 1e-300}, usual).has_value()) << "the ratio's square";
  EXPECT_FALSE(MeanRatioInterval(usual, {3, 1e-300, 0}).has_value()) << "the ratio's square";
  EXPECT_FALSE(LargerMeanProbability({3, 1e200, infinite}, usual).has_value());
  EXPECT_FALSE(LargerMeanProbability(usual, {3, 1e200, infinite}).has_value());
}

TEST(LargerMeanProbability, IsWelchs) {
  // t = 1 / sqrt(2/3), four degrees of freedom: closed form.
  EXPECT_NEAR(LargerMeanProbability({3, 6, 1}, {3, 5, 1}).value(), 0.143932, 1e-6);
  EXPECT_NEAR(LargerMeanProbability({3, 5, 1}, {3, 6, 1}).value(), 1 - 0.143932, 1e-6);
  EXPECT_EQ(LargerMeanProbability({3, 5, 1}, {3, 5, 2}).value(), 0.5);
  EXPECT_FALSE(LargerMeanProbability({3, 5, 0}, {3, 6, 0}).has_value());
  EXPECT_FALSE(LargerMeanProbability({3, 5, 1}, {1, 6, 0}).has_value());
}

TEST(AtLeastProbability, CountsByHand) {
  EXPECT_DOUBLE_EQ(AtLeastProbability({0.5, 0.5}, 2), 0.25);
  EXPECT_DOUBLE_EQ(AtLeastProbability({0.5, 0.25}, 1), 1 - 0.5 * 0.75);
  EXPECT_DOUBLE_EQ(AtLeastProbability({0.5, 0.25}, 0), 1);
  EXPECT_EQ(AtLeastProbability({0.5}, 2), 0);
}

// Run times: normal, the reference's deviation 1 % of its mean; repetitions, ratio of deviations.
class RunTimeSimulation : public testing::TestWithParam<std::tuple<int, double>> {};

constexpr int kSimulations = 10000;

Sample Draw(int n, double mean, double deviation, std::mt19937_64& random) {
  std::normal_distribution<double> normal(mean, deviation);
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(normal(random));
  const schema::RunTimes times = schema::MeanAndVariance(values);
  return {n, times.mean_seconds, times.variance};
}

TEST_P(RunTimeSimulation, IntervalsHoldTheTruthIn93To97Percent) {
  const auto [n, deviations] = GetParam();
  std::mt19937_64 random(1);
  int held = 0, false_positives = 0;
  for (int i = 0; i < kSimulations; ++i) {
    const Sample reference = Draw(n, 2, 0.02, random);
    const Sample slowed = Draw(n, 3, 0.03 * deviations, random);
    const Sample equal = Draw(n, 2, 0.02 * deviations, random);
    const Interval interval = MeanRatioInterval(slowed, reference).value();
    held += interval.low <= 1.5 && 1.5 <= interval.high;
    false_positives += LargerMeanProbability(equal, reference).value() <= 0.05;
  }
  EXPECT_GE(held, 0.93 * kSimulations);
  EXPECT_LE(held, 0.97 * kSimulations);
  EXPECT_LE(false_positives, 0.06 * kSimulations);
}

INSTANTIATE_TEST_SUITE_P(Repetitions, RunTimeSimulation,
                         testing::Values(std::make_tuple(2, 5.0), std::make_tuple(3, 1.0),
                                         std::make_tuple(3, 2.0), std::make_tuple(3, 5.0),
                                         std::make_tuple(5, 1.0), std::make_tuple(5, 5.0),
                                         std::make_tuple(10, 1.0), std::make_tuple(10, 5.0)));

}  // namespace
}  // namespace forensics::analyzer
