#include "analyzer/comparison/vector_difference.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "analyzer/comparison/compensated_sum.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(Difference, OfKnownVectors) {
  const VectorDifference difference = Difference({3, 0, 1, 5}, {0, 4, 1, 5});
  EXPECT_TRUE(difference.finite);
  EXPECT_EQ(difference.l2, 5);
  EXPECT_EQ(difference.norm_a, std::sqrt(35.0));
  EXPECT_EQ(difference.largest_absolute, 4);
  EXPECT_EQ(difference.bits.elements, 4);
  EXPECT_EQ(difference.bits.changed, 2);
}

TEST(Difference, IsComputedInFloat64) {
  // In float32 the difference of the squares would vanish, and 3e38 squared overflow.
  EXPECT_EQ(Difference({16777216}, {16777215}).l2, 1);
  EXPECT_EQ(Difference({3e38f}, {-3e38f}).l2, 2 * static_cast<double>(3e38f));
  EXPECT_EQ(Difference({1e-45f}, {0}).l2, static_cast<double>(1e-45f));
}

TEST(Difference, ZerosOfBothSignsChangeBitsButNotDistance) {
  const VectorDifference difference = Difference({0.0f, 1}, {-0.0f, 1});
  EXPECT_EQ(difference.l2, 0);
  EXPECT_EQ(difference.bits.changed, 1);
  EXPECT_EQ(difference.bits.Ulps(NumberFormat::kFloat32).largest, 0u);
}

TEST(Difference, NotANumberOrInfinityOnEitherSideIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(Difference({nan, 1}, {0, 1}).finite);
  EXPECT_FALSE(Difference({0, 1}, {0, -infinity}).finite);
  EXPECT_FALSE(Difference({infinity}, {infinity}).finite) << "equal bits too";
}

TEST(Difference, NotFiniteWhereverInTheVectorsTheElementStands) {
  const std::vector<float> ones(40, 1), twos(40, 2);
  for (size_t i = 0; i < ones.size(); ++i) {
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), -INFINITY, INFINITY}) {
      std::vector<float> odd = twos;
      odd[i] = value;
      EXPECT_FALSE(Difference(odd, ones).finite) << i;
      EXPECT_FALSE(Difference(ones, odd).finite) << i;
    }
  }
}

TEST(Difference, TheLargestFloatsAreFinite) {
  const std::vector<float> largest(5000, std::numeric_limits<float>::max());
  const std::vector<float> smallest(5000, std::numeric_limits<float>::lowest());
  EXPECT_TRUE(Difference(largest, smallest).finite);
}

TEST(Difference, CosineOfTheAngle) {
  EXPECT_EQ(Difference({3, 4}, {4, 3}).cosine, std::optional<double>(24.0 / 25));
  EXPECT_EQ(Difference({3, 0}, {0, 4}).cosine, std::optional<double>(0));
  EXPECT_EQ(Difference({0.1f, 0.7f, 1e-3f}, {0.1f, 0.7f, 1e-3f}).cosine, std::optional<double>(1));
  EXPECT_EQ(Difference({1, 2}, {-1, -2}).cosine, std::optional<double>(-1));
  EXPECT_EQ(Difference({0, 0}, {1, 2}).cosine, std::nullopt);
  EXPECT_EQ(Difference({0, 0}, {0, 0}).cosine, std::nullopt);
}

TEST(Difference, FirstChangedElementIsFoundInAnyVector) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(Difference({1, 2, 3}, {1, 2, 3}).first_changed.has_value());
  EXPECT_FALSE(Difference({nan}, {nan}).first_changed.has_value());
  EXPECT_EQ(Difference({1, 2, 0.0f, 4}, {1, 2, -0.0f, 5}).first_changed.value().element, 2);
  const ChangedElement changed = Difference({nan, 2, 3}, {nan, 4, 3}).first_changed.value();
  EXPECT_EQ(changed.element, 1);
  EXPECT_EQ(changed.a, 2);
  EXPECT_EQ(changed.b, 4);
}

TEST(CompensatedSum, DoesNotDependOnTheOrderOfItsTerms) {
  std::mt19937_64 random(3);
  std::vector<double> terms;
  for (int i = 0; i < 10000; ++i) {
    terms.push_back(std::ldexp(static_cast<double>(random() >> 11), static_cast<int>(i % 60)));
  }
  CompensatedSum forward, backward;
  for (size_t i = 0; i < terms.size(); ++i) {
    forward.Add(terms[i]);
    backward.Add(terms[terms.size() - 1 - i]);
  }
  EXPECT_EQ(forward.Total(), backward.Total());
}

TEST(CompensatedSum, KeepsWhatAPlainSumLoses) {
  CompensatedSum sum;
  sum.Add(1);
  for (int i = 0; i < 1024; ++i) sum.Add(0x1p-53);
  EXPECT_EQ(sum.Total(), 1 + 0x1p-43);
}

}  // namespace
}  // namespace forensics::analyzer
