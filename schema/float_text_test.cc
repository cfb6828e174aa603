#include "schema/float_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "schema/shard.h"

namespace forensics::schema {
namespace {

uint32_t Bits(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float FromBits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::string Text(float value) {
  std::string text;
  AppendFloat(value, text);
  return text;
}

// What every reader must get back; NaN comes back as some NaN.
void ExpectSameBits(float value, const std::string& text) {
  if (std::isnan(value)) {
    ASSERT_EQ(text, "\"NaN\"");
  } else if (std::isinf(value)) {
    ASSERT_EQ(text, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else {
    ASSERT_EQ(Bits(std::strtof(text.c_str(), nullptr)), Bits(value)) << text;
    ASSERT_EQ(Bits(static_cast<float>(std::strtod(text.c_str(), nullptr))), Bits(value)) << text;
  }
}

TEST(FloatText, WritesTheShortestDecimalThatPythonReadsAsAFloat) {
  EXPECT_EQ(Text(0.1f), "0.1");
  EXPECT_EQ(Text(1.0f), "1");
  EXPECT_EQ(Text(0.0f), "0.0");
  EXPECT_EQ(Text(-0.0f), "-0.0");
  EXPECT_EQ(Text(-16777216.0f), "-16777216");
  EXPECT_EQ(Text(std::numeric_limits<float>::denorm_min()), "1e-45");
  EXPECT_EQ(Text(std::numeric_limits<float>::max()), "3.4028235e+38");
  EXPECT_EQ(Text(std::numeric_limits<float>::quiet_NaN()), "\"NaN\"");
  EXPECT_EQ(Text(std::numeric_limits<float>::infinity()), "\"Infinity\"");
  EXPECT_EQ(Text(-std::numeric_limits<float>::infinity()), "\"-Infinity\"");
}

TEST(FloatText, TheOneFloatWhoseShortestFormIsRoundedTwice) {
  const float value = FromBits(0x15ae43fd);
  // Its shortest form fails by way of float64:
  EXPECT_NE(Bits(static_cast<float>(std::strtod("7.038531e-26", nullptr))), Bits(value));
  ExpectSameBits(value, Text(value));
  ExpectSameBits(-value, Text(-value));
}

TEST(FloatText, RandomBitPatternsComeBack) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000000; ++i) {
    const float value = FromBits(static_cast<uint32_t>(random()));
    ExpectSameBits(value, Text(value));
    if (HasFatalFailure()) return;
  }
}

TEST(FloatText, SubnormalsAndNeighboursOfPowersOfTwoComeBack) {
  std::vector<uint32_t> patterns;
  for (uint32_t i = 0; i < 5000; ++i) patterns.push_back(i);
  for (uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (uint32_t offset = 0; offset < 5; ++offset) {
      patterns.push_back((exponent << 23) + offset - 2);
    }
  }
  for (const uint32_t pattern : patterns) {
    for (const uint32_t sign : {0u, 0x80000000u}) {
      const float value = FromBits(pattern | sign);
      ExpectSameBits(value, Text(value));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(FloatText, DoublesComeBack) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    std::string text;
    AppendDouble(value, text);
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value);
  }
}

TEST(AppendElements, AllPatternsOf16BitTypesComeBackBehindWhatWasThere) {
  std::string data(2 << 16, '\0');
  for (uint32_t i = 0; i < (1u << 16); ++i) {
    data[2 * i] = static_cast<char>(i & 0xff);
    data[2 * i + 1] = static_cast<char>(i >> 8);
  }
  for (const DType dtype : {BFLOAT16, FLOAT16}) {
    const Values values = MakeValues(dtype, data);
    const std::vector<float> expected = *ToFloats(values);
    std::string text = "x";
    ASSERT_TRUE(AppendElements(values, text).ok());
    ASSERT_EQ(text.front(), 'x');
    const std::vector<std::string> elements = absl::StrSplit(text.substr(1), ',');
    ASSERT_EQ(elements.size(), expected.size());
    for (size_t i = 0; i < elements.size(); ++i) {
      ExpectSameBits(expected[i], elements[i]);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(AppendElements, Float32) {
  const std::vector<float> floats = {0.5f, -0.0f, -std::numeric_limits<float>::infinity()};
  const Values values =
      MakeValues(FLOAT32, std::string(reinterpret_cast<const char*>(floats.data()), 12));
  std::string text;
  ASSERT_TRUE(AppendElements(values, text).ok());
  EXPECT_EQ(text, "0.5,-0.0,\"-Infinity\"");
}

TEST(AppendElements, NothingIsNothing) {
  std::string text = "[";
  ASSERT_TRUE(AppendElements(MakeValues(FLOAT32, ""), text).ok());
  EXPECT_EQ(text, "[");
}

TEST(AppendElements, BytesThatAreNoWholeNumberOfElementsAreAnError) {
  std::string text;
  EXPECT_EQ(AppendElements(MakeValues(FLOAT32, "abc"), text).message(), "3 bytes of dtype FLOAT32");
  EXPECT_FALSE(AppendElements(MakeValues(DTYPE_UNSPECIFIED, "abcd"), text).ok());
}

}  // namespace
}  // namespace forensics::schema
