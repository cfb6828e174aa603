#include "analyzer/comparison/bit_changes.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;

BitChanges Changes(const std::vector<std::pair<float, float>>& elements) {
  BitChanges changes;
  for (const auto& [a, b] : elements) changes.Add(a, b);
  return changes;
}

TEST(UlpDistance, CountsTheFloatsBetween) {
  EXPECT_EQ(UlpDistance(1, std::nextafter(1.0f, 2.0f)), 1u);
  EXPECT_EQ(UlpDistance(1, 2), uint64_t{1} << 23);
  EXPECT_EQ(UlpDistance(-1e-45f, 1e-45f), 2u);
  EXPECT_EQ(UlpDistance(0.0f, -0.0f), 0u);
  EXPECT_EQ(UlpDistance(std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()),
            2u * 0x7f7fffffu);
}

TEST(BitChanges, AreSplitByTheForemostPartThatDiffers) {
  const BitChanges changes = Changes({{1, 1},
                                      {1, 1.5},       // mantissa
                                      {1.5, 1.25},    // mantissa
                                      {1, 2},         // exponent
                                      {1.5, 2.5},     // exponent and mantissa
                                      {1, -1},        // sign
                                      {0.0f, -0.0f},  // sign
                                      {3, -0.5}});    // all three
  EXPECT_EQ(changes.elements, 8);
  EXPECT_EQ(changes.changed, 7);
  EXPECT_EQ(changes.mantissa, 2);
  EXPECT_EQ(changes.exponent, 2);
  EXPECT_EQ(changes.sign, 3);
}

TEST(Ulps, OfFloat32ArePutIntoBinsByTheirLengthInBits) {
  const float one = 1;
  const float next = std::nextafter(one, 2.0f);
  const float third = 1 + 3 * 0x1p-23f, fourth = 1 + 4 * 0x1p-23f;
  const UlpStatistics ulps =
      Changes({{one, one}, {0.0f, -0.0f}, {one, next}, {next, one}, {one, third}, {one, fourth}})
          .Ulps(NumberFormat::kFloat32);
  EXPECT_EQ(ulps.format, NumberFormat::kFloat32);
  EXPECT_EQ(ulps.largest, 4u);
  EXPECT_EQ(ulps.mean, (1 + 1 + 3 + 4) / 6.0);
  EXPECT_THAT(ulps.FilledBins(), ElementsAre(2, 2, 1, 1));
}

TEST(Ulps, OfBfloat16AreItsOwn) {
  const float one = 1, next = 1 + 0x1p-7f, fourth = 1 + 4 * 0x1p-7f;
  const BitChanges changes = Changes({{one, one}, {one, next}, {fourth, one}});
  const UlpStatistics ulps = changes.Ulps(NumberFormat::kBfloat16);
  EXPECT_EQ(ulps.format, NumberFormat::kBfloat16);
  EXPECT_EQ(ulps.largest, 4u);
  EXPECT_EQ(ulps.mean, 5 / 3.0);
  EXPECT_THAT(ulps.FilledBins(), ElementsAre(1, 1, 0, 1));
  EXPECT_EQ(changes.Ulps(NumberFormat::kFloat32).largest, 4u << 16);
}

TEST(Ulps, OfNumbersThatAreNoBfloat16AreFloat32s) {
  const UlpStatistics ulps =
      Changes({{1, 1.5}, {1 + 0x1p-8f, 1 + 0x1p-8f}}).Ulps(NumberFormat::kBfloat16);
  EXPECT_EQ(ulps.format, NumberFormat::kFloat32);
  EXPECT_EQ(ulps.largest, 1u << 22);
}

TEST(Ulps, TheLargestDistanceHasABin) {
  const float max = std::numeric_limits<float>::max();
  EXPECT_EQ(Changes({{max, -max}}).Ulps(NumberFormat::kFloat32).histogram[32], 1);
}

// Any finite bits, zeros, subnormals, and numbers close to another.
float AnyFinite(std::mt19937& random, float near) {
  const uint32_t bits = static_cast<uint32_t>(random());
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  switch (random() % 6) {
    case 0:
      return near;
    case 1:
      return std::nextafter(near, 0.0f);
    case 2:
      return std::signbit(value) ? -0.0f : 0.0f;
    case 3:
      return value * 1e-38f;
    default:
      return std::isfinite(value) ? value : std::numeric_limits<float>::lowest();
  }
}

void ExpectSame(const BitChanges& a, const BitChanges& b) {
  EXPECT_EQ(a.elements, b.elements);
  EXPECT_EQ(a.changed, b.changed);
  EXPECT_EQ(a.sign, b.sign);
  EXPECT_EQ(a.exponent, b.exponent);
  EXPECT_EQ(a.mantissa, b.mantissa);
  EXPECT_EQ(a.FitBfloat16(), b.FitBfloat16());
  const UlpStatistics ulps_a = a.Ulps(NumberFormat::kFloat32);
  const UlpStatistics ulps_b = b.Ulps(NumberFormat::kFloat32);
  EXPECT_EQ(ulps_a.largest, ulps_b.largest);
  EXPECT_EQ(ulps_a.mean, ulps_b.mean);
  EXPECT_EQ(ulps_a.histogram, ulps_b.histogram);
}

TEST(BitChanges, OfVectorsAreThoseOfTheirElements) {
  std::mt19937 random(5);
  for (const size_t size : {0, 1, 15, 16, 17, 100, 2047, 2048, 2049, 10000}) {
    std::vector<float> a(size), b(size);
    BitChanges expected;
    for (size_t i = 0; i < size; ++i) {
      a[i] = AnyFinite(random, 1);
      b[i] = AnyFinite(random, a[i]);
      if (!std::isfinite(a[i])) a[i] = 0;
      if (!std::isfinite(b[i])) b[i] = 0;
      expected.Add(a[i], b[i]);
    }
    BitChanges changes;
    changes.Add(a, b);
    SCOPED_TRACE(size);
    ExpectSame(changes, expected);
  }
}

TEST(BitChanges, OfAVectorWithItselfAreNone) {
  const std::vector<float> values = {1, -2, 0.0f, 1.5f};
  BitChanges expected, changes;
  expected.Add(values, values);
  changes.AddUnchanged(values.size(), 0xffff0000);
  ExpectSame(changes, expected);
  EXPECT_EQ(changes.changed, 0);
}

TEST(BitChanges, OfTheLongestDistancesDoNotOverflow) {
  const std::vector<float> a(100000, std::numeric_limits<float>::max());
  const std::vector<float> b(100000, std::numeric_limits<float>::lowest());
  BitChanges changes;
  changes.Add(a, b);
  EXPECT_EQ(changes.Ulps(NumberFormat::kFloat32).mean, 2.0 * 0x7f7fffff);
  EXPECT_EQ(changes.Ulps(NumberFormat::kFloat32).histogram[32], 100000);
}

TEST(BitChanges, OfSeveralVectorsAddUp) {
  BitChanges all = Changes({{1, 2}, {1, 1}});
  all.Add(Changes({{1, -1}, {1, 1 + 0x1p-23f}}));
  EXPECT_EQ(all.elements, 4);
  EXPECT_EQ(all.changed, 3);
  EXPECT_EQ(all.Ulps(NumberFormat::kBfloat16).format, NumberFormat::kFloat32);
  EXPECT_EQ(all.Ulps(NumberFormat::kFloat32).largest, 2u * 0x3f800000u);
  EXPECT_EQ(all.Ulps(NumberFormat::kFloat32).histogram[0], 1);
}

}  // namespace
}  // namespace forensics::analyzer
