#include "analyzer/reading/float_parser.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

struct ReadResult {
  absl::Status status;
  std::vector<float> values;
  size_t offset = 0;
  char next = 0;  // the byte that the stream is left at
};

// Reads `text`, which follows a '['.
ReadResult Read(const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/array.json");
  std::ofstream(path, std::ios::binary) << text;
  absl::StatusOr<std::unique_ptr<ByteStream>> stream = ByteStream::Open(path);
  ReadResult result;
  result.status = stream.status();
  if (!stream.ok()) return result;
  result.status = ReadFloat32Array(**stream, result.values, result.offset);
  result.next = (*stream)->Peek();
  return result;
}

// What the fast path and the general one make of `text`; both must agree with glibc's strtof, which
// rounds correctly.
void ExpectNearest(const std::string& text) {
  const uint32_t expected = Bits(std::strtof(text.c_str(), nullptr));
  // Digits before it are not the number's.
  const std::string padded =
      std::string(ByteStream::kReadBehind, '7') + text + std::string(ByteStream::kReadAhead, '\0');
  const char* const begin = padded.c_str() + ByteStream::kReadBehind;
  float value = 0;
  const char* const end = ParseFloat32Fast(begin, &value);
  if (end != nullptr) {
    ASSERT_EQ(end, begin + text.size()) << text;
    ASSERT_EQ(Bits(value), expected) << text;
  }
  ASSERT_TRUE(ParseFloat32(text.data(), text.data() + text.size(), &value)) << text;
  ASSERT_EQ(Bits(value), expected) << text;
}

std::string Shortest(float value) {
  char text[64];
  return std::string(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

TEST(Float32, EveryBitComesBackFromShortestAndSeventeenDigitText) {
  // A stride that is prime to 2^32 visits all exponents and mantissas evenly.
  uint32_t bits = 0;
  for (int i = 0; i < 300000; ++i, bits += 2654435761u) {
    const float value = FromBits(bits);
    if (!std::isfinite(value)) continue;
    for (const std::string& text :
         {Shortest(value), absl::StrFormat("%.17g", value), absl::StrFormat("%.8e", value)}) {
      ExpectNearest(text);
      ASSERT_EQ(Bits(std::strtof(text.c_str(), nullptr)), bits) << text;
    }
  }
}

TEST(Float32, Float64TextIsRoundedOnceToTheNearestFloat32) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const uint64_t bits = random();
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    // Half of them near a tie between two floats, where rounding twice goes wrong.
    if (i % 2 == 0) {
      const uint64_t tie = (bits & ~((uint64_t{1} << 29) - 1)) | (uint64_t{1} << 28);
      const uint64_t near = tie + (random() % 21) - 10;
      std::memcpy(&value, &near, sizeof(value));
    }
    if (!std::isfinite(value)) continue;
    ExpectNearest(absl::StrFormat("%.17g", value));
    ExpectNearest(absl::StrFormat("%.*e", static_cast<int>(random() % 25), value));
  }
}

TEST(Float32, DecimalsWhoseNearestFloat64IsATieAreNotRoundedTwice) {
  // 1 + 2^-24 is the tie between 1 and the next float; a little more or less decides.
  for (const char* text :
       {"1.000000059604644775390625", "1.0000000596046447753906250000001",
        "1.0000000596046447753906249999999", "1.00000005960464478", "16777217", "16777217.00000001",
        "33554435", "0.50000002980232238769531250000000000001"}) {
    ExpectNearest(text);
  }
  float value;
  const std::string above = "1.0000000596046447753906250000001";
  ASSERT_TRUE(ParseFloat32(above.data(), above.data() + above.size(), &value));
  EXPECT_EQ(Bits(value), 0x3f800001u);
}

TEST(Float32, EdgesOfTheRange) {
  for (const char* text : {"0",
                           "-0",
                           "0.0",
                           "-0.0",
                           "0e5",
                           "-0e-5",
                           "1e-45",
                           "7e-46",
                           "7.1e-46",
                           "1.4e-45",
                           "1.1754943e-38",
                           "1.17549435e-38",
                           "1.1754944e-38",
                           "1.19e-38",
                           "1.21e-38",
                           "3.4028235e38",
                           "3.4028235677973366e38",
                           "3.40282356779733661637539e38",
                           "3.5e38",
                           "1e39",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "123456789012345678901234567890",
                           "0.00012345678901234567",
                           "9223372036854775807",
                           "9223372036854775808",
                           "99999999999.99999999",
                           "1E+2",
                           "1e-05",
                           "0.000000000000000000000000000000000000011754944"}) {
    ExpectNearest(text);
  }
  float value;
  const std::string minus_zero = "-0";
  ASSERT_TRUE(ParseFloat32(minus_zero.data(), minus_zero.data() + 2, &value));
  EXPECT_EQ(Bits(value), 0x80000000u);
}

TEST(Float32, WhatIsNoJsonNumberIsRefusedByBothPaths) {
  for (const char* text : {"", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x10", "1.e5",
                           "--1", "abc", "1.5.5", "1e5.5", "inf", "nan"}) {
    const std::string padded = std::string(ByteStream::kReadBehind, '7') + text + "," +
                               std::string(ByteStream::kReadAhead, '\0');
    const char* const begin = padded.c_str() + ByteStream::kReadBehind;
    float value;
    EXPECT_NE(ParseFloat32Fast(begin, &value), begin + std::strlen(text)) << text;
    EXPECT_FALSE(ParseFloat32(text, text + std::strlen(text), &value)) << text;
  }
}

TEST(Float32Array, ReadsUpToTheBracketAndLeavesIt) {
  const ReadResult read = Read("1, 2.5 ,\n\t-3e2\r\n ] , 4");
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(read.values, ElementsAre(1, 2.5, -300));
  EXPECT_EQ(read.next, ']');
}

TEST(Float32Array, EmptyArray) {
  const ReadResult read = Read("  ]");
  EXPECT_TRUE(read.status.ok()) << read.status;
  EXPECT_TRUE(read.values.empty());
  EXPECT_EQ(read.next, ']');
}

TEST(Float32Array, TakesNotANumberInfinitiesAndNullInEverySpelling) {
  const ReadResult read =
      Read(R"(NaN, Infinity,-Infinity , "NaN","Infinity", "-Infinity", null, -0.0, 1e300])");
  ASSERT_TRUE(read.status.ok()) << read.status;
  std::vector<uint32_t> bits;
  for (const float value : read.values) bits.push_back(Bits(value));
  EXPECT_THAT(bits, ElementsAre(0x7fc00000u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0x7f800000u,
                                0xff800000u, kNullBits, 0x80000000u, 0x7f800000u));
}

TEST(Float32Array, NumbersThatLieAcrossTheBuffersEnd) {
  // Longer than the stream's buffer, so that numbers of many lengths meet its end.
  std::string text;
  std::vector<float> expected;
  std::mt19937 random(2);
  while (text.size() < 5 << 20) {
    const float value = FromBits(random());
    if (!std::isfinite(value)) continue;
    absl::StrAppend(&text, expected.empty() ? "" : ",", std::string(random() % 40, ' '),
                    random() % 2 ? Shortest(value) : absl::StrFormat("%.40e", value));
    expected.push_back(value);
  }
  const ReadResult read = Read(text + "]");
  ASSERT_TRUE(read.status.ok()) << read.status;
  ASSERT_EQ(read.values.size(), expected.size());
  EXPECT_EQ(std::memcmp(read.values.data(), expected.data(), expected.size() * sizeof(float)), 0);
}

TEST(Float32Array, SeparatorsOfAnyWidthStandBetweenNumbers) {
  const char* const separators[] = {",", ", ", " ,", ",\n  ", " , "};
  std::mt19937 random(3);
  for (int array = 0; array < 200; ++array) {
    std::string text;
    std::vector<float> expected;
    // Now and then another one than in the rest of the array.
    const char* const usual = separators[random() % 2];
    const size_t size = 1 + random() % 1200;
    while (expected.size() < size) {
      const float value = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 8;
      if (!expected.empty()) text += random() % 50 == 0 ? separators[random() % 5] : usual;
      absl::StrAppend(&text,
                      random() % 100 == 0 ? absl::StrFormat("%.20f", value) : Shortest(value));
      expected.push_back(value);
    }
    const ReadResult read = Read(text + "]");
    ASSERT_TRUE(read.status.ok()) << read.status << text;
    ASSERT_EQ(read.values, expected) << text;
  }
}

struct BadArray {
  const char* text;
  const char* cause;
  size_t offset;
};

TEST(Float32Array, ErrorsSayWhatAndWhere) {
  for (const BadArray& bad : {
           BadArray{"1, 2", "ends inside an array", 4},
           BadArray{"1,", "ends inside an array", 2},
           BadArray{"", "ends inside an array", 0},
           BadArray{"1,]", "expected a number", 2},
           BadArray{",1]", "expected a number", 0},
           BadArray{"1 2]", "expected ',' or ']'", 2},
           BadArray{"1, [2]]", "found '[2'", 3},
           BadArray{"1, {}]", "found '{}'", 3},
           BadArray{"1, \"x\"]", "found '\\\"x\\\"'", 3},
           BadArray{"1, true]", "found 'true'", 3},
           BadArray{"1, 01]", "found '01'", 3},
           BadArray{"1, 1.]", "found '1.'", 3},
           BadArray{"1, \x01]", "found '\\x01'", 3},
           BadArray{"1, NaNs]", "found 'NaNs'", 3},
       }) {
    const ReadResult read = Read(bad.text);
    EXPECT_FALSE(read.status.ok()) << bad.text;
    EXPECT_THAT(std::string(read.status.message()), HasSubstr(bad.cause)) << bad.text;
    EXPECT_EQ(read.offset, bad.offset) << bad.text;
  }
}

TEST(Float32Array, ANumberWithoutEndAndAnArrayWithoutEndAreErrors) {
  EXPECT_FALSE(Read(std::string(1 << 20, '1') + "]").status.ok());
  std::string zeros;
  for (size_t i = 0; i < kLongestArray + 100; ++i) zeros += "0,";
  const ReadResult read = Read(zeros + "0]");
  EXPECT_THAT(std::string(read.status.message()), HasSubstr("an array of more than"));
}

}  // namespace
}  // namespace forensics::analyzer
