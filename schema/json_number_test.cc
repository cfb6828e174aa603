#include "schema/json_number.h"

#include <cmath>
#include <limits>
#include <string>

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

TEST(JsonNumberFault, IsWhatNoFloat64HoldsAndNoOneSpellsSo) {
  const std::string digits(308, '9');
  for (const std::string& sound :
       {std::string("0"), std::string("-0.0"), std::string("1e308"), std::string("-1.7E+308"),
        std::string("1e-99999"), std::string("0e99999"), digits, digits + "9e-1",
        std::string("NaN"), std::string("Infinity"), std::string("-Infinity")}) {
    EXPECT_EQ(JsonNumberFault(sound), nullptr) << sound;
  }
  for (const std::string& beyond : {std::string("1e309"), std::string("-10e308"),
                                    std::string("1e99999"), digits + "9", digits + "9.5"}) {
    EXPECT_STREQ(JsonNumberFault(beyond), "Number too big to be stored in double.") << beyond;
  }
  for (const char* word : {"Inf", "-Inf", "-NaN"}) {
    EXPECT_STREQ(JsonNumberFault(word), "expected a number, NaN, Infinity or -Infinity") << word;
  }
}

}  // namespace
}  // namespace forensics::schema
