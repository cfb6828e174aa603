#include "analyzer/statistics/autoregression.h"

#include <cmath>
#include <cstdint>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Autoregression, OfKnownValues) {
  // Deviations 1, 1, -1, -1 about 3, four times: squares 16, products of neighbours 8 - 7, of
  // those at lag 2 -14.
  std::vector<double> values;
  for (int i = 0; i < 4; ++i) values.insert(values.end(), {4, 4, 2, 2});
  const Autoregression fit = FitAutoregression(values);
  const double r1 = (16 * 1 / 16.0 + 1) / 13;
  EXPECT_EQ(fit.mean, 3);
  // The partial autocorrelation is held at -0.5; then the sum is negative, and held at 0.
  EXPECT_LT(r1 * 1.5 - 0.5, 0);
  EXPECT_EQ(fit.first, 0);
  EXPECT_EQ(fit.second, 0);
  EXPECT_NEAR(fit.standard_error, std::sqrt(14.0 / 12 / 16), 1e-15);
  EXPECT_NEAR(LongRunVariance(fit, 16), 14.0 / 12, 1e-15);
}

TEST(Autoregression, FindsWhatASeriesWasMadeWith) {
  Autoregression truth;
  truth.first = 0.4;
  truth.second = 0.3;
  std::vector<double> values;
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    values.push_back(std::ldexp(static_cast<double>(state >> 11), -53) - 0.5);
  }
  MakeSeries(truth, values);
  const Autoregression fit = FitAutoregression(values);
  EXPECT_NEAR(fit.first, 0.4, 0.03);
  EXPECT_NEAR(fit.second, 0.3, 0.03);
  // Uniform innovations have the variance 1 / 12.
  EXPECT_NEAR(LongRunVariance(fit, values.size()), 1 / 12.0 / (0.3 * 0.3), 0.08);
}

TEST(Autoregression, EqualValuesHaveNoError) {
  EXPECT_EQ(FitAutoregression(std::vector<double>(12, 4)).standard_error, 0);
}

TEST(Autoregression, ATrendIsCorrelationToTheLimit) {
  std::vector<double> values;
  for (int i = 0; i < 64; ++i) values.push_back(i);
  const Autoregression fit = FitAutoregression(values);
  EXPECT_NEAR(fit.first + fit.second, 0.95, 1e-15);
}

TEST(Autoregression, AlternationIsTakenForLittleCorrelation) {
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) values.push_back(i % 2);
  const Autoregression fit = FitAutoregression(values);
  EXPECT_GE(fit.first + fit.second, 0);
  EXPECT_LT(fit.first + fit.second, 0.25);
}

TEST(Innovations, AreWhatIsLeftOfEachValue) {
  Autoregression fit;
  fit.mean = 1;
  fit.first = 0.5;
  fit.second = 0.25;
  const std::vector<double> innovations = Innovations({2, 1, 3, 1}, fit);
  // 3 - 1 - 0.5 (1 - 1) - 0.25 (2 - 1); 1 - 1 - 0.5 (3 - 1) - 0.25 (1 - 1).
  EXPECT_THAT(std::vector<double>(innovations.begin() + 2, innovations.end()),
              ElementsAre(1.75, -1));
}

TEST(MakeSeries, IsTheReverseOfInnovations) {
  Autoregression fit;
  fit.first = 0.5;
  fit.second = 0.25;
  std::vector<double> series = Innovations({2, 1, 3, 1}, fit);
  MakeSeries(fit, series);
  EXPECT_THAT(series, ElementsAre(DoubleNear(2, 1e-15), DoubleNear(1, 1e-15), DoubleNear(3, 1e-15),
                                  DoubleNear(1, 1e-15)));
}

TEST(MakeSeries, IsStationaryFromTheFirstValueOn) {
  Autoregression fit;
  fit.first = 0.5;
  fit.second = 0.25;
  // Its variance in innovations: (1 - b) / ((1 + b) ((1 - b)^2 - a^2)).
  std::vector<double> series = {1, 0};
  MakeSeries(fit, series);
  EXPECT_NEAR(series[0] * series[0], 0.75 / (1.25 * (0.5625 - 0.25)), 1e-14);
  EXPECT_NEAR(series[1] / series[0], 0.5 / 0.75, 1e-15) << "the correlation of neighbours";
}

}  // namespace
}  // namespace forensics::analyzer
