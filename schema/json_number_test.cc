#include "schema/json_number.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ReadJsonNumber, TakesTheFirstTypeThatHoldsTheNumber) {
  EXPECT_EQ(ReadJsonNumber("0"), JsonNumber(int64_t{0}));
  EXPECT_EQ(ReadJsonNumber("-9223372036854775808"), JsonNumber(INT64_MIN));
  EXPECT_EQ(ReadJsonNumber("9223372036854775808"), JsonNumber(uint64_t{1} << 63));
  EXPECT_EQ(ReadJsonNumber("18446744073709551616"), JsonNumber(18446744073709551616.0));
  EXPECT_EQ(ReadJsonNumber("1.0"), JsonNumber(1.0));
  EXPECT_EQ(ReadJsonNumber("1e2"), JsonNumber(100.0));
}

TEST(ReadJsonNumber, RoundsToTheNearestDouble) {
  // The halfway case above 2^53, and just above it.
  EXPECT_EQ(ReadJsonNumber("9007199254740993.0"), JsonNumber(9007199254740992.0));
  EXPECT_EQ(ReadJsonNumber("9007199254740993.0000000000000001"), JsonNumber(9007199254740994.0));
  EXPECT_EQ(ReadJsonNumber("5e-324"), JsonNumber(std::numeric_limits<double>::denorm_min()));
}

TEST(ReadJsonNumber, IsInfiniteOrZeroBeyondTheRange) {
  EXPECT_EQ(ReadJsonNumber("1.7976931348623159e308"), JsonNumber(kInfinity));
  EXPECT_EQ(ReadJsonNumber("-1e99999"), JsonNumber(-kInfinity));
  EXPECT_EQ(ReadJsonNumber("1e-2147483639"), JsonNumber(0.0));
  EXPECT_EQ(ReadJsonNumber("123456789012345678901234567890e-2147483647"), JsonNumber(0.0));
}

TEST(ReadJsonNumber, KnowsWhatIsNoFiniteNumber) {
  EXPECT_TRUE(std::isnan(std::get<double>(ReadJsonNumber("NaN"))));
  EXPECT_EQ(ReadJsonNumber("Infinity"), JsonNumber(kInfinity));
  EXPECT_EQ(ReadJsonNumber("-Inf"), JsonNumber(-kInfinity));
}

}  // namespace
}  // namespace forensics::schema
