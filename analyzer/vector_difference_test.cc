#include "analyzer/vector_difference.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "analyzer/compensated_sum.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(Difference, OfKnownVectors) {
  const VectorDifference difference = Difference({3, 0, 1, 5}, {0, 4, 1, 5});
  EXPECT_TRUE(difference.finite);
  EXPECT_EQ(difference.l2, 5);
  EXPECT_EQ(difference.norm_a, std::sqrt(35.0));
  EXPECT_EQ(difference.largest_absolute, 4);
  EXPECT_EQ(difference.elements, 4);
  EXPECT_EQ(difference.elements_changed, 2);
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
  EXPECT_EQ(difference.elements_changed, 1);
  EXPECT_EQ(difference.largest_ulps, 0u);
}

TEST(Difference, NotANumberOrInfinityOnEitherSideIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(Difference({nan, 1}, {0, 1}).finite);
  EXPECT_FALSE(Difference({0, 1}, {0, -infinity}).finite);
  EXPECT_FALSE(Difference({infinity}, {infinity}).finite) << "equal bits too";
}

TEST(Difference, UlpsCountTheFloatsBetween) {
  EXPECT_EQ(UlpDistance(1, std::nextafter(1.0f, 2.0f)), 1u);
  EXPECT_EQ(UlpDistance(1, 2), uint64_t{1} << 23);
  EXPECT_EQ(UlpDistance(-1e-45f, 1e-45f), 2u);
  EXPECT_EQ(UlpDistance(std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()),
            2u * 0x7f7fffffu);
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
