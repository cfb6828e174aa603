#include "testdata/synthesis/fill.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace forensics::synthesis {
namespace {

constexpr int64_t kBytes = 1 << 20;
const RandomBits kBits(1, "model.layers.0.mlp.experts.0.down_proj.qweight");

std::string BytesOf(const Fill& fill, int64_t begin = 0, int64_t end = kBytes) {
  std::string bytes(static_cast<size_t>(end - begin), '\0');
  fill(begin, end, bytes.data());
  return bytes;
}

template <typename T>
std::vector<double> ValuesOf(const Fill& fill) {
  const std::string bytes = BytesOf(fill);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return {values.begin(), values.end()};
}

// How often each level occurs, as a share; odd: of the second, fourth, ... 4-bit numbers of a byte.
std::array<double, 16> Shares(const Fill& fill, bool odd) {
  std::array<double, 16> shares = {};
  for (const char byte : BytesOf(fill)) {
    shares[static_cast<size_t>(odd ? (byte >> 4) & 15 : byte & 15)] += 1.0 / kBytes;
  }
  return shares;
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double RootMeanSquare(std::vector<double> values) {
  for (double& value : values) value *= value;
  return std::sqrt(Mean(values));
}

void ExpectShares(const std::array<double, 16>& shares, const std::map<int, double>& expected,
                  double others) {
  for (int level = 0; level < 16; ++level) {
    const auto listed = expected.find(level);
    const double share = listed == expected.end() ? others : listed->second;
    EXPECT_NEAR(shares[static_cast<size_t>(level)], share, 0.002) << level;
  }
}

TEST(FillTest, LevelsOccurAsOftenAsTheySay) {
  for (const bool odd : {false, true}) {
    ExpectShares(Shares(UniformLevels(kBits), odd), {}, 1.0 / 16);
    ExpectShares(Shares(SymmetricLevels(kBits), odd), {{0, 0}, {8, 2.0 / 16}}, 1.0 / 16);
    const double quarter = 1.0 / 4;
    ExpectShares(Shares(ZeroPoints(kBits), odd),
                 {{6, quarter}, {7, quarter}, {8, quarter}, {9, quarter}}, 0);
  }
  ExpectShares(Shares(Nf4Codes(kBits), false), {{10, 2.0 / 16}, {15, 0}}, 1.0 / 16);
  ExpectShares(Shares(Nf4Codes(kBits), true), {}, 1.0 / 16);
}

TEST(FillTest, Floats) {
  const Fill bell = BellShaped(kBits, Float::kFloat32, 1, 0.25);
  std::vector<double> values = ValuesOf<float>(bell);
  EXPECT_NEAR(Mean(values), 1, 0.002);
  for (double& value : values) value -= 1;
  EXPECT_NEAR(RootMeanSquare(values), 0.25, 0.001);
  EXPECT_NEAR(RootMeanSquare(ValuesOf<c10::Half>(BellShaped(kBits, Float::kFloat16, 0, 0.02))),
              0.02, 1e-4);
  EXPECT_NEAR(RootMeanSquare(ValuesOf<c10::BFloat16>(BellShaped(kBits, Float::kBfloat16, 0, 3))), 3,
              0.01);

  const std::vector<double> uniform = ValuesOf<float>(Uniform(kBits, -1, 3));
  EXPECT_NEAR(Mean(uniform), 1, 0.01);
  EXPECT_NEAR(*std::min_element(uniform.begin(), uniform.end()), -1, 1e-3);
  EXPECT_NEAR(*std::max_element(uniform.begin(), uniform.end()), 3, 1e-3);

  const std::vector<double> scales = ValuesOf<c10::Half>(SkewedScales(kBits, Float::kFloat16, 0.5));
  EXPECT_NEAR(RootMeanSquare(scales), 0.5, 1e-3);
  EXPECT_NEAR(*std::min_element(scales.begin(), scales.end()), 0.36 * 0.5 / 1.151, 1e-3);
  EXPECT_NEAR(*std::max_element(scales.begin(), scales.end()), 1.96 * 0.5 / 1.151, 1e-3);
}

TEST(FillTest, EveryRowHasItsFactor) {
  constexpr size_t kColumns = 4096;
  const std::vector<double> values = ValuesOf<c10::BFloat16>(
      BellShapedRows(kBits, RandomBits(1, "rows"), Float::kBfloat16, kColumns, 1));
  double smallest = 2, largest = 0;
  for (auto row = values.begin(); row != values.end(); row += kColumns) {
    const double size = RootMeanSquare({row, row + kColumns});
    smallest = std::min(smallest, size);
    largest = std::max(largest, size);
  }
  EXPECT_NEAR(smallest, 0.8, 0.04);
  EXPECT_NEAR(largest, 1.2, 0.04);
}

TEST(FillTest, GroupIndices) {
  const std::string bytes = BytesOf(GroupIndices(3), 8, 28);
  std::vector<int32_t> groups(5);
  std::memcpy(groups.data(), bytes.data(), bytes.size());
  EXPECT_EQ(groups, (std::vector<int32_t>{0, 1, 1, 1, 2}));
}

// Whatever the parts that a tensor is computed in.
TEST(FillTest, PartsAreThoseOfTheWhole) {
  const Fill fills[] = {
      UniformLevels(kBits),
      Nf4Codes(kBits),
      BellShaped(kBits, Float::kFloat16, 0, 1),
      BellShaped(kBits, Float::kFloat32, 0, 1),
      BellShapedRows(kBits, kBits, Float::kBfloat16, 7, 1),
      SkewedScales(kBits, Float::kFloat16, 1),
      Literal(std::string(150, 'a') + std::string(kBytes, 'b')),
      GroupIndices(5),
  };
  for (const Fill& fill : fills) {
    const std::string whole = BytesOf(fill, 0, 1003);
    EXPECT_EQ(BytesOf(fill, 0, 200) + BytesOf(fill, 200, 1000) + BytesOf(fill, 1000, 1003), whole);
  }
}

TEST(RandomBitsTest, SeedNameAndStreamMatter) {
  const uint64_t word = RandomBits(0, "a")(0);
  EXPECT_EQ(RandomBits(0, "a", 0)(0), word);
  EXPECT_NE(RandomBits(0, "a")(1), word);
  EXPECT_NE(RandomBits(1, "a")(0), word);
  EXPECT_NE(RandomBits(0, "b")(0), word);
  EXPECT_NE(RandomBits(0, "a", 1)(0), word);
}

}  // namespace
}  // namespace forensics::synthesis
