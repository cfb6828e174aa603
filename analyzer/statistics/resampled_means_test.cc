#include "analyzer/statistics/resampled_means.h"

#include <cmath>
#include <cstring>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr Autoregression kGenerating{0, 0.4, 0.2, 0};

std::vector<double> SomeInnovations(size_t n) {
  std::vector<double> values;
  for (size_t i = 0; i < n; ++i) values.push_back(std::sin(static_cast<double>(i * i)) / 3);
  return values;
}

// One series at a time, by the functions for one series.
double MeanOf(std::vector<double> innovations) {
  MakeSeries(kGenerating, innovations);
  return Studentised(FitAutoregression(innovations));
}

void ExpectSameBits(double found, double expected, size_t resample) {
  EXPECT_EQ(std::memcmp(&found, &expected, sizeof(found)), 0)
      << "resample " << resample << ": " << found << " and " << expected;
}

TEST(MeansOfBlocks, HaveTheBitsOfOneSeriesAtATime) {
  for (const size_t n : {12, 29, 32, 90}) {
    const std::vector<double> innovations = SomeInnovations(n);
    const auto draws = DrawBlocks(7, 100, n, 3);
    const std::vector<double> means = MeansOfBlocks(innovations, 3, kGenerating, *draws);
    ASSERT_EQ(means.size(), 100u);
    for (size_t resample = 0; resample < means.size(); ++resample) {
      std::vector<double> series;
      for (size_t i = 0; i < n; ++i) {
        const auto& starts = draws->starts[resample / kLanes * draws->blocks + i / 3];
        series.push_back(innovations[starts[resample % kLanes] + i % 3]);
      }
      ExpectSameBits(means[resample], MeanOf(series), resample);
    }
  }
}

TEST(MeansOfSigns, HaveTheBitsOfOneSeriesAtATime) {
  for (const size_t n : {12, 32}) {
    const std::vector<double> innovations = SomeInnovations(n);
    const auto draws = DrawSigns(7, 24, n);
    MeansOfSigns means(innovations, kGenerating, *draws);
    for (size_t resample = 0; resample < 24; ++resample) {
      std::vector<double> series = innovations;
      for (size_t i = 0; i < n; ++i) {
        const uint8_t keeps = draws->keeps[resample / kLanes * n + i];
        if ((keeps >> (resample % kLanes) & 1) == 0) series[i] = -series[i];
      }
      ExpectSameBits(means.Of(resample / kPairLanes)[resample % kPairLanes], MeanOf(series),
                     resample);
    }
  }
}

TEST(Draws, AreTheSameForShortSeriesThatAreKeptAndLongOnes) {
  EXPECT_EQ(DrawSigns(3, 16, 32), DrawSigns(3, 16, 32)) << "kept";
  const auto one = DrawSigns(3, 16, 1000);
  const auto other = DrawSigns(3, 16, 1000);
  EXPECT_NE(one, other);
  EXPECT_EQ(one->keeps, other->keeps);
  EXPECT_NE(one->keeps, DrawSigns(4, 16, 1000)->keeps);
}

}  // namespace
}  // namespace forensics::analyzer
