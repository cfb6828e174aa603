#include "analyzer/autoregression.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

TEST(Autoregression, OfKnownValues) {
  // Deviations -2, -1, 0, 1, 2 about 3, twice: squares 20, products of neighbours 4 - 4 + 4 = 4.
  const std::vector<double> values = {1, 2, 3, 4, 5, 1, 2, 3, 4, 5};
  const Autoregression fit = FitAutoregression(values);
  EXPECT_EQ(fit.mean, 3);
  EXPECT_NEAR(fit.coefficient, (10 * 4 / 20.0 + 1) / 7, 1e-15);
  double squares = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const double innovation = (values[i] - 3) - fit.coefficient * (values[i - 1] - 3);
    squares += innovation * innovation;
  }
  EXPECT_NEAR(fit.standard_error, std::sqrt(squares / 7 / 10) / (1 - fit.coefficient), 1e-15);
  EXPECT_NEAR(LongRunVariance(fit, 10), 10 * fit.standard_error * fit.standard_error, 1e-15);
}

TEST(Autoregression, EqualValuesHaveNoError) {
  EXPECT_EQ(FitAutoregression({4, 4, 4, 4, 4, 4, 4, 4}).standard_error, 0);
}

TEST(Autoregression, ATrendIsCorrelationToTheLimit) {
  std::vector<double> values;
  for (int i = 0; i < 64; ++i) values.push_back(i);
  EXPECT_EQ(FitAutoregression(values).coefficient, 0.95);
}

TEST(Autoregression, AlternationIsTakenForNoCorrelation) {
  EXPECT_EQ(FitAutoregression({1, -1, 1, -1, 1, -1, 1, -1, 1, -1}).coefficient, 0);
}

TEST(Innovations, AreWhatIsLeftAboutTheirMean) {
  Autoregression fit;
  fit.mean = 1;
  fit.coefficient = 0.5;
  // 1, 1.5 and -1 about their mean 0.5.
  EXPECT_THAT(Innovations({1, 2, 3, 1}, fit),
              ElementsAre(DoubleNear(0.5, 1e-15), DoubleNear(1, 1e-15), DoubleNear(-1.5, 1e-15)));
}

}  // namespace
}  // namespace forensics::analyzer
