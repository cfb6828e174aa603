#include "analyzer/comparison/bit_agreement.h"

#include <cmath>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(FirstOtherElement, IsFoundWhereverItIs) {
  for (const size_t size : {1, 2, 255, 256, 257, 1000}) {
    for (const size_t place : {size_t{0}, size / 2, size - 1}) {
      const std::vector<float> a(size, 1.5f);
      std::vector<float> b = a;
      EXPECT_FALSE(FirstOtherElement(a, b).has_value()) << size;
      b[place] = std::nextafter(1.5f, 2.0f);
      b.back() = 7;
      EXPECT_EQ(FirstOtherElement(a, b), place) << size;
    }
  }
}

TEST(FirstOtherElement, GoesByBits) {
  const std::vector<float> zeros = {0.0f, 0.0f}, negative = {0.0f, -0.0f}, nan = {0.0f, NAN};
  EXPECT_EQ(FirstOtherElement(zeros, negative), 1u);
  EXPECT_EQ(FirstOtherElement(zeros, nan), 1u);
  EXPECT_FALSE(FirstOtherElement(nan, nan).has_value());
}

TEST(FirstOtherElement, OfNothingIsNone) { EXPECT_FALSE(FirstOtherElement({}, {}).has_value()); }

TEST(EqualBits, AskForTheSameLength) {
  const std::vector<float> two = {1, 2}, three = {1, 2, 3};
  EXPECT_FALSE(EqualBits(two, three));
  EXPECT_TRUE(EqualBits(two, absl::MakeConstSpan(three).first(2)));
  EXPECT_TRUE(EqualBits({}, {}));
}

}  // namespace
}  // namespace forensics::analyzer
