#include "analyzer/comparison/half_changes.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

// By IEEE 754's definition of the format.
float ValueOf(uint16_t pattern) {
  const int exponent = pattern >> 10 & 0x1f;
  const int mantissa = pattern & 0x3ff;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((pattern & 0x8000) == 0 ? magnitude : -magnitude);
}

TEST(HalfPattern, OfEveryFiniteFloat16) {
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    if ((pattern & 0x7c00) == 0x7c00) continue;
    const auto half = static_cast<uint16_t>(pattern);
    ASSERT_THAT(HalfPattern(ValueOf(half)), Optional(half)) << pattern;
  }
}

TEST(HalfPattern, NoneOfWhatIsNone) {
  EXPECT_EQ(HalfPattern(1 + 0x1p-11f), std::nullopt) << "between 1 and the next";
  EXPECT_EQ(HalfPattern(0x1p16f), std::nullopt) << "too large";
  EXPECT_EQ(HalfPattern(0x1p-25f), std::nullopt) << "too small";
  EXPECT_EQ(HalfPattern(0x1.8p-24f), std::nullopt) << "between the first two";
  EXPECT_EQ(HalfPattern(1e-40f), std::nullopt) << "a subnormal float32";
  EXPECT_EQ(HalfPattern(INFINITY), std::nullopt);
  EXPECT_EQ(HalfPattern(std::nanf("")), std::nullopt);
}

TEST(HalfChanges, AreCountedInFloat16) {
  HalfChanges changes;
  changes.Add(1, 1);
  changes.Add(1, 1 + 0x1p-10f);                 // the next
  changes.Add(0x1p-24f, 0x1p-23f);              // subnormals: mantissa alone
  changes.Add(ValueOf(0x3ff), ValueOf(0x400));  // into the normal ones
  changes.Add(-0x1p-24f, 0x1p-24f);
  changes.Add(0.0f, -0.0f);
  EXPECT_TRUE(changes.fit());
  const UlpStatistics ulps = changes.Ulps();
  EXPECT_EQ(ulps.format, NumberFormat::kFloat16);
  EXPECT_EQ(ulps.largest, 2u);
  EXPECT_EQ(ulps.mean, 5 / 6.0);
  EXPECT_THAT(ulps.FilledBins(), ElementsAre(2, 3, 1));
  BitChanges split;
  changes.Split(split);
  EXPECT_EQ(split.mantissa, 2);
  EXPECT_EQ(split.exponent, 1);
  EXPECT_EQ(split.sign, 2);
}

TEST(HalfChanges, AddUpAndFitOnlyIfAllDo) {
  HalfChanges all, other;
  all.Add(1, 2);
  other.Add(1, 4);
  all.Add(other);
  EXPECT_EQ(all.Ulps().largest, 2048u);
  EXPECT_EQ(all.Ulps().mean, 1536);
  other.Add(0.1f, 0.1f);
  all.Add(other);
  EXPECT_FALSE(all.fit());
}

}  // namespace
}  // namespace forensics::analyzer
