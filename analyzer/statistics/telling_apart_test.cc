#include "analyzer/statistics/telling_apart.h"

#include <algorithm>
#include <numeric>

#include "analyzer/testing/correlated_sequences.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(Auc, IsTheShareOfPairsWithTheLargerVariant) {
  EXPECT_EQ(TellApart({4, 5}, {1, 2, 3}).auc, 1);
  EXPECT_EQ(TellApart({1, 2}, {3, 4}).auc, 0);
  EXPECT_EQ(TellApart({2, 4}, {1, 3}).auc, 0.75);
  EXPECT_EQ(TellApart({0, 0}, {0, 0, 0}).auc, 0.5) << "ties count half";
  EXPECT_EQ(TellApart({1, 2}, {2, 0}).auc, 2.5 / 4);
}

TEST(Roc, HasAPointForEachThreshold) {
  const std::vector<RocPoint> curve = TellApart({3, 2, 2}, {2, 1}).curve;
  ASSERT_EQ(curve.size(), 4u);
  EXPECT_EQ(curve[0].false_positive_rate, 0);
  EXPECT_EQ(curve[0].true_positive_rate, 0);
  EXPECT_EQ(curve[1].false_positive_rate, 0);
  EXPECT_EQ(curve[1].true_positive_rate, 1 / 3.0);
  EXPECT_EQ(curve[2].false_positive_rate, 0.5);
  EXPECT_EQ(curve[2].true_positive_rate, 1);
  EXPECT_EQ(curve[3].false_positive_rate, 1);
}

TEST(TokensNeeded, OneWithoutNoiseNoneWithoutADifference) {
  const std::vector<double> none(32, 0), some(32, 1);
  EXPECT_EQ(TokensNeeded(some, none), std::optional<int64_t>(1));
  EXPECT_EQ(TokensNeeded(none, none), std::nullopt);
  EXPECT_EQ(TokensNeeded(none, some), std::nullopt);
  EXPECT_EQ(TokensNeeded({1, 2}, {0, 0}), std::nullopt) << "too few to say";
}

double MeanOf(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The share of variant sequences of `tokens` whose mean exceeds that of 99 % of the baseline's.
double PowerAt(int64_t tokens, double factor, double correlation) {
  CorrelatedSequences sequences(correlation, LogNormalMarginal(), 11);
  const size_t n = static_cast<size_t>(tokens);
  std::vector<double> baseline;
  for (int i = 0; i < 20000; ++i) baseline.push_back(MeanOf(sequences.Draw(n)));
  std::sort(baseline.begin(), baseline.end());
  const double threshold = baseline[19800];
  int detected = 0;
  for (int i = 0; i < 8000; ++i) detected += factor * MeanOf(sequences.Draw(n)) > threshold;
  return detected / 8000.0;
}

TEST(TokensNeeded, GiveAboutTheStatedRatesInSimulations) {
  for (const double correlation : {0.0, 0.5}) {
    CorrelatedSequences sequences(correlation, LogNormalMarginal(), 10);
    std::vector<double> variant = sequences.Draw(200000);
    for (double& distance : variant) distance *= 1.5;
    const int64_t tokens = TokensNeeded(variant, sequences.Draw(200000)).value();
    // Less than two standard deviations of the simulation and of its threshold.
    EXPECT_NEAR(PowerAt(tokens, 1.5, correlation), 0.95, 0.01) << tokens;
    EXPECT_LT(PowerAt(tokens / 2, 1.5, correlation), 0.85) << tokens;
  }
}

}  // namespace
}  // namespace forensics::analyzer
