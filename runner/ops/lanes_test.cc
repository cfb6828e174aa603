#include "runner/ops/lanes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace forensics::runner {
namespace {

Lanes Ramp(float first, float step) {
  Lanes x;
  for (int i = 0; i < kLanes; ++i) x[i] = first + step * static_cast<float>(i);
  return x;
}

TEST(LanesTest, ExpIsWithinTwoUlpOfTheTrueValue) {
  double worst = 0;
  for (float x = -87; x < 88.5f; x += 0.0137f * kLanes) {
    const Lanes in = Ramp(x, 0.0137f), out = ExpLanes(in);
    for (int i = 0; i < kLanes; ++i) {
      const double exact = std::exp(static_cast<double>(in[i]));
      worst = std::max(worst, std::abs(out[i] - exact) / exact);
    }
  }
  EXPECT_LT(worst, 0x1p-22);
  EXPECT_GT(worst, 0x1p-26) << "a float32 result must round";
}

TEST(LanesTest, ExpAtItsLimits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float in[kLanes] = {0,      -0.0f,  -infinity, infinity,
                            -200,   89,     -88,       88.7f,
                            -87,    1,      -1,        1e30f,
                            -1e30f, 88.72f, 1e-30f,    std::numeric_limits<float>::quiet_NaN()};
  const Lanes out = ExpLanes(LoadLanes(in));
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 1);
  EXPECT_EQ(out[2], 0);
  EXPECT_EQ(out[3], infinity);
  EXPECT_EQ(out[4], 0);
  EXPECT_EQ(out[5], infinity);
  EXPECT_EQ(out[6], 0);
  EXPECT_NEAR(out[7] / std::exp(static_cast<double>(88.7f)), 1, 1e-6);
  EXPECT_EQ(out[11], infinity);
  EXPECT_EQ(out[12], 0);
  EXPECT_NEAR(out[13] / std::exp(static_cast<double>(88.72f)), 1, 1e-6);
  EXPECT_EQ(out[14], 1);
  EXPECT_TRUE(std::isnan(out[15]));
}

TEST(LanesTest, SumsAddHalves) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> value(-1, 1);
  Lanes rows[kLanes];
  float expected[kLanes];
  for (int r = 0; r < kLanes; ++r) {
    for (int i = 0; i < kLanes; ++i) rows[r][i] = value(engine);
    float x[kLanes];
    StoreLanes(rows[r], x);
    for (int width = 8; width >= 1; width /= 2) {
      for (int i = 0; i < width; ++i) x[i] += x[i + width];
    }
    expected[r] = x[0];
    EXPECT_EQ(SumLanes(rows[r]), expected[r]);
  }
  const Lanes sums = SumSixteenRows(rows);
  for (int r = 0; r < kLanes; ++r) EXPECT_EQ(sums[r], expected[r]) << r;
}

HalfLanes LowHalf(Lanes x) {
  float lanes[kLanes];
  StoreLanes(x, lanes);
  return LoadLanes<HalfLanes>(lanes);
}

void ExpectLowHalf(HalfLanes found, Lanes expected) {
  for (int i = 0; i < kLanes / 2; ++i) {
    EXPECT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])))
        << found[i] << " for " << expected[i];
  }
}

TEST(HalfLanesTest, HaveTheBitsOfSixteen) {
  for (float x = -120; x < 120; x += 0.37f) {
    const Lanes a = Ramp(x, 0.013f), b = Ramp(-x, 0.041f);
    ExpectLowHalf(ExpLanes(LowHalf(a)), ExpLanes(a));
    ExpectLowHalf(MaxOf(LowHalf(a), LowHalf(b)), MaxOf(a, b));
    ExpectLowHalf(RoundLanes<c10::BFloat16>(LowHalf(a)), RoundLanes<c10::BFloat16>(a));
    ExpectLowHalf(RoundLanes<c10::Half>(LowHalf(a)), RoundLanes<c10::Half>(a));
  }
  const Lanes nan = AllLanes(NAN), infinity = AllLanes(INFINITY);
  ExpectLowHalf(ExpLanes(LowHalf(nan)), nan);
  ExpectLowHalf(ExpLanes(LowHalf(infinity)), infinity);
  ExpectLowHalf(ExpLanes(LowHalf(-infinity)), Lanes{});
  ExpectLowHalf(RoundLanes<c10::BFloat16>(LowHalf(nan)), nan);
}

TEST(HalfLanesTest, SumEightRowsIsSumSixteenRows) {
  Lanes rows[kLanes];
  HalfLanes halves[kLanes];
  for (int r = 0; r < kLanes; ++r) {
    rows[r] = Ramp(0.1f * static_cast<float>(r * r), 0.77f / static_cast<float>(r + 1));
    float x[kLanes];
    StoreLanes(rows[r], x);
    halves[r] = LoadLanes<HalfLanes>(x) + LoadLanes<HalfLanes>(x + kLanes / 2);
  }
  const Lanes expected = SumSixteenRows(rows);
  const HalfLanes low = SumEightRows(halves), high = SumEightRows(halves + kLanes / 2);
  for (int r = 0; r < kLanes / 2; ++r) {
    EXPECT_EQ(low[r], expected[r]) << r;
    EXPECT_EQ(high[r], expected[r + kLanes / 2]) << r;
  }
}

// Every bit pattern widens and rounds as c10's own conversions do.
template <typename T>
void ExpectConversionsOf() {
  for (uint32_t first = 0; first < 65536; first += kLanes) {
    T in[kLanes], out[kLanes];
    for (uint32_t i = 0; i < kLanes; ++i)
      in[i] = T(static_cast<uint16_t>(first + i), T::from_bits());
    const Lanes wide = LoadLanes(in);
    StoreLanes(wide, out);
    for (int i = 0; i < kLanes; ++i) {
      const float exact = static_cast<float>(in[i]);
      if (std::isnan(exact)) {
        EXPECT_TRUE(std::isnan(wide[i]) && std::isnan(static_cast<float>(out[i])));
      } else {
        EXPECT_EQ(wide[i], exact);
        EXPECT_EQ(std::signbit(wide[i]), std::signbit(exact));
        EXPECT_EQ(out[i].x, in[i].x);
      }
    }
  }
  for (float x = 1e-8f; x < 1e6f; x *= 1.00731f) {
    const Lanes in = Ramp(x, x / 3077);
    T out[kLanes];
    StoreLanes(in, out);
    for (int i = 0; i < kLanes; ++i) EXPECT_EQ(out[i].x, T(static_cast<float>(in[i])).x) << in[i];
  }
}

TEST(LanesTest, BFloat16) { ExpectConversionsOf<c10::BFloat16>(); }
TEST(LanesTest, Half) { ExpectConversionsOf<c10::Half>(); }

}  // namespace
}  // namespace forensics::runner
