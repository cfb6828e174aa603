#include "analyzer/comparison/squared_distances.h"

#include <limits>
#include <vector>

#include "analyzer/testing/float_values.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kSizes[] = {0, 1, 7, 8, 9, 16, 17, 100, 1023, 1024, 1025, 2048, 5003};

TEST(SquaredDistance, IsTheSumOfSixteenLanes) {
  for (const size_t size : kSizes) {
    const std::vector<float> a = ValuesOfAllSizes(size, 1), b = ValuesOfAllSizes(size, 2);
    double lanes[16] = {};
    for (size_t i = 0; i < size; ++i) {
      const double delta = static_cast<double>(a[i]) - b[i];
      lanes[i % 16] += delta * delta;
    }
    for (size_t width = 8; width > 0; width /= 2) {
      for (size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
    }
    EXPECT_EQ(SquaredDistance(a, b), lanes[0]) << size;
  }
}

TEST(SquaredDistance, IsNotFiniteWhereAnElementIsNot) {
  std::vector<float> a(40, 1), b(40, 2);
  for (const float odd :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const size_t place : {0, 17, 39}) {
      a[place] = odd;
      EXPECT_FALSE(std::isfinite(SquaredDistance(a, b)));
      EXPECT_FALSE(std::isfinite(SquaredDistance(b, a)));
      b[place] = odd;
      EXPECT_FALSE(std::isfinite(SquaredDistance(a, b)));
      a[place] = b[place] = 1;
    }
  }
}

TEST(SquaredDistances, AreThoseOfEachPairAlone) {
  SquaredDistances distances;
  for (const size_t size : kSizes) {
    std::vector<std::vector<float>> values;
    for (unsigned seed = 0; seed < 5; ++seed) values.push_back(ValuesOfAllSizes(size, seed));
    values.push_back(ValuesOfAllSizes(size + 40, 5));  // other lengths stand beside it
    values.push_back(ValuesOfAllSizes(size + 40, 6));
    const std::vector<absl::Span<const float>> vectors(values.begin(), values.end());
    std::vector<SquaredDistances::Pair> pairs = {{6, 5}};
    for (size_t i = 0; i < 5; ++i) {
      for (size_t j = 0; j <= i; ++j) pairs.push_back({i, j});
    }
    const absl::Span<const double> found = distances.Of(vectors, pairs);
    ASSERT_EQ(found.size(), pairs.size());
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& [a, b] = pairs[i];
      EXPECT_EQ(found[i], SquaredDistance(vectors[a], vectors[b]))
          << size << ": " << a << ", " << b;
    }
  }
}

TEST(SquaredDistances, KeepNothingOfTheCallBefore) {
  SquaredDistances distances;
  const std::vector<float> many(100, 3.0f), few = {1, 2}, others = {1, 4};
  distances.Of({many, few}, {{0, 0}});
  EXPECT_EQ(distances.Of({few, others}, {{0, 1}}).front(), 4);
  EXPECT_TRUE(distances.Of({few, others}, {}).empty());
}

}  // namespace
}  // namespace forensics::analyzer
