#include "analyzer/comparison/half_changes.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

// By IEEE 754's definition of the format.
float ValueOf(uint16_t pattern) {
  const int exponent = pattern >> 10 & 0x1f;
  const int mantissa = pattern & 0x3ff;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((pattern & 0x8000) == 0 ? magnitude : -magnitude);
}

TEST(HalfChanges, EveryFiniteFloat16IsItsMagnitudeAwayFromZero) {
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    if ((pattern & 0x7c00) == 0x7c00) continue;
    HalfChanges changes;
    changes.Add(0, ValueOf(static_cast<uint16_t>(pattern)));
    ASSERT_TRUE(changes.fit()) << pattern;
    ASSERT_EQ(changes.Ulps().largest, pattern & 0x7fff) << pattern;
  }
}

TEST(HalfChanges, DoNotFitWhatIsNoFiniteFloat16) {
  const auto fit = [](float value) {
    HalfChanges changes;
    changes.Add(1, value);
    return changes.fit();
  };
  EXPECT_FALSE(fit(1 + 0x1p-11f)) << "between 1 and the next";
  EXPECT_FALSE(fit(0x1p16f)) << "too large";
  EXPECT_FALSE(fit(0x1p-25f)) << "too small";
  EXPECT_FALSE(fit(0x1.8p-24f)) << "between the first two";
  EXPECT_FALSE(fit(0x1.000002p-24f)) << "the least above the first";
  EXPECT_FALSE(fit(0x1p-60f)) << "scaled it is 0";
  EXPECT_FALSE(fit(1e-40f)) << "a subnormal float32";
  EXPECT_FALSE(fit(INFINITY));
  EXPECT_FALSE(fit(std::nanf("")));
}

// The definitions, element by element, for random pairs of finite float16 numbers.
TEST(HalfChanges, OfVectorsAreThoseOfTheirElements) {
  std::mt19937 random(1);
  const auto finite = [&] {
    for (;;) {
      const auto pattern = static_cast<uint16_t>(random());
      if ((pattern & 0x7c00) != 0x7c00) return pattern;
    }
  };
  const auto ordered = [](uint16_t pattern) {
    return (pattern & 0x8000) == 0 ? int{pattern} : -(pattern & 0x7fff);
  };
  std::vector<float> a, b;
  int64_t sign = 0, exponent = 0, mantissa = 0, sum = 0;
  uint64_t largest = 0;
  std::vector<int64_t> histogram(UlpStatistics::kBins);
  for (int i = 0; i < 5000; ++i) {
    const uint16_t one = finite();
    // Near to it, the same, or anywhere.
    const auto other = i % 4 == 0 ? finite() : static_cast<uint16_t>(one ^ (i % 4 - 1));
    a.push_back(ValueOf(one));
    b.push_back(ValueOf(other));
    const int differing = one ^ other;
    if (differing != 0) {
      ++((differing & 0x8000) != 0 ? sign : (differing & 0x7c00) != 0 ? exponent : mantissa);
    }
    const int distance = std::abs(ordered(one) - ordered(other));
    sum += distance;
    largest = std::max(largest, static_cast<uint64_t>(distance));
    ++histogram[static_cast<size_t>(distance == 0 ? 0 : std::ilogb(distance) + 1)];
  }
  HalfChanges changes;
  changes.Add(a, b);
  EXPECT_TRUE(changes.fit());
  EXPECT_EQ(changes.Ulps().largest, largest);
  EXPECT_EQ(changes.Ulps().mean, static_cast<double>(sum) / 5000);
  EXPECT_THAT(changes.Ulps().histogram, ElementsAreArray(histogram));
  BitChanges split;
  changes.Split(split);
  EXPECT_EQ(split.sign, sign);
  EXPECT_EQ(split.exponent, exponent);
  EXPECT_EQ(split.mantissa, mantissa);
  b[4321] = 0.1f;
  HalfChanges odd;
  odd.Add(a, b);
  EXPECT_FALSE(odd.fit());
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
