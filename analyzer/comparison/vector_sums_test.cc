#include "analyzer/comparison/vector_sums.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "analyzer/comparison/compensated_sum.h"
#include "analyzer/testing/float_values.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kSizes[] = {0, 1, 7, 8, 9, 16, 17, 100, 2048, 5003};

TEST(AddUp, HasTheDigitsOfSumsInOrder) {
  for (const size_t size : kSizes) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const std::vector<float> a = ValuesOfAllSizes(size, seed),
                               b = ValuesOfAllSizes(size, seed + 1000);
      CompensatedSum squares_a, squares_b, squares_delta, products;
      double largest = 0;
      for (size_t i = 0; i < size; ++i) {
        const double x = a[i], y = b[i];
        squares_a.Add(x * x);
        squares_b.Add(y * y);
        squares_delta.Add((x - y) * (x - y));
        products.Add(x * y);
        largest = std::max(largest, std::abs(x - y));
      }
      const VectorSums sums = AddUp(a, b);
      EXPECT_EQ(sums.squares_a, squares_a.Total()) << size;
      EXPECT_EQ(sums.squares_b, squares_b.Total()) << size;
      EXPECT_EQ(sums.squares_delta, squares_delta.Total()) << size;
      EXPECT_EQ(sums.products, products.Total()) << size;
      EXPECT_EQ(sums.largest_delta, largest) << size;
      EXPECT_EQ(SumOfSquares(a), squares_a.Total()) << size;
    }
  }
}

TEST(AddUp, KeepsWhatAPlainSumLoses) {
  std::vector<float> a(1025, 0x1p-27f);
  a[0] = 1;
  EXPECT_EQ(SumOfSquares(a), 1 + 0x1p-44);
}

}  // namespace
}  // namespace forensics::analyzer
