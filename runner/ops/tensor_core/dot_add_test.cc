#include "runner/ops/tensor_core/dot_add.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runner/ops/tensor_core/float_bits.h"

namespace forensics::runner {
namespace {

// Nothing is lost: the cases' factors are bfloat16 numbers.
uint16_t Bfloat16(float value) {
  EXPECT_EQ(BitsOf(value) & 0xffff, 0u) << value;
  return static_cast<uint16_t>(BitsOf(value) >> 16);
}

struct Factors {
  int k;
  float a;
  float b;
};

// The worked examples of the published models, those of Hopper run on an H200.
struct Case {
  const char* name;
  float c;
  std::vector<Factors> products;
  uint32_t volta;
  uint32_t ampere;
  uint32_t hopper;
};

constexpr float kInfinity = INFINITY;

class DotAddExample : public testing::TestWithParam<Case> {};

TEST_P(DotAddExample, HasTheMachinesBits) {
  std::vector<uint16_t> a(16), b(16);
  for (const Factors& factors : GetParam().products) {
    a[factors.k] = Bfloat16(factors.a);
    b[factors.k] = Bfloat16(factors.b);
  }
  const auto result = [&](const TensorCore& core) {
    return BitsOf(
        ChainedDotAdd(core, InputFormat::kBfloat16, a.data(), b.data(), 16, GetParam().c));
  };
  EXPECT_EQ(result(kVoltaTensorCore), GetParam().volta);
  EXPECT_EQ(result(kAmpereTensorCore), GetParam().ampere);
  EXPECT_EQ(result(kH100TensorCore), GetParam().hopper);
  EXPECT_EQ(result(kBlackwellTensorCore), GetParam().hopper);
}

INSTANTIATE_TEST_SUITE_P(
    Published, DotAddExample,
    testing::Values(
        Case{"HalfUlp", 1, {{0, 0x1p-24f, 1}}, 0x3f800000, 0x3f800000, 0x3f800000},
        Case{"TwoHalfUlps",
             1,
             {{0, 0x1p-24f, 1}, {1, 0x1p-24f, 1}},
             0x3f800000,
             0x3f800001,
             0x3f800001},
        Case{"HalfUlpsInTwoLinks",
             1,
             {{0, 0x1p-24f, 1}, {8, 0x1p-24f, 1}},
             0x3f800000,
             0x3f800000,
             0x3f800001},
        Case{"FourQuarters",
             1,
             {{0, 0x1p-25f, 1}, {1, 0x1p-25f, 1}, {2, 0x1p-25f, 1}, {3, 0x1p-25f, 1}},
             0x3f800000,
             0x3f800000,
             0x3f800001},
        Case{"ProductIsNotNormalised",
             0,
             {{0, 1.5f, 1.5f}, {1, 0x1p-23f, 1}, {2, 0x1p-23f, 1}},
             0x40100001,
             0x40100001,
             0x40100001},
        Case{"FactorIsNormalised",
             0,
             {{0, 1, 2.25f}, {1, 0x1p-23f, 1}, {2, 0x1p-23f, 1}},
             0x40100000,
             0x40100001,
             0x40100001},
        Case{"QuarterUlps",
             0,
             {{0, 1, 2.25f}, {1, 0x1p-23f, 1}, {2, 0x1p-24f, 1}, {3, 0x1p-24f, 1}},
             0x40100000,
             0x40100000,
             0x40100001},
        Case{"Cancels24", -1, {{0, 1, 1}, {1, 0x1p-24f, 1}}, 0, 0x33800000, 0x33800000},
        Case{"Cancels25", -1, {{0, 1, 1}, {1, 0x1p-25f, 1}}, 0, 0, 0x33000000},
        Case{"Cancels26", -1, {{0, 1, 1}, {1, 0x1p-26f, 1}}, 0, 0, 0},
        Case{"BelowOne", 1, {{0, -0x1p-25f, 1}}, 0x3f800000, 0x3f800000, 0x3f7fffff},
        Case{"ZeroTakesNoPart",
             0x1p-23f,
             {{0, 0, 0x1p100f}, {1, 1, 1}},
             0x3f800001,
             0x3f800001,
             0x3f800001},
        Case{"LargestAndHalfUlp",
             0x1.fffffep127f,
             {{0, 0x1p103f, 1}},
             0x7f7fffff,
             0x7f7fffff,
             0x7f7fffff},
        Case{"LargestAndUlp",
             0x1.fffffep127f,
             {{0, 0x1p104f, 1}},
             0x7f800000,
             0x7f800000,
             0x7f800000},
        Case{"NegativeZeros", -0.0f, {{0, -0.0f, 1}}, 0, 0, 0},
        Case{"ZeroTimesInfinity", 1, {{3, 0, kInfinity}}, 0x7fffffff, 0x7fffffff, 0x7fffffff},
        Case{"InfinitiesCancel",
             kInfinity,
             {{3, -1, kInfinity}},
             0x7fffffff,
             0x7fffffff,
             0x7fffffff},
        Case{"Infinity", 1, {{3, -1, kInfinity}}, 0xff800000, 0xff800000, 0xff800000},
        Case{"NegativeNan", -NAN, {}, 0x7fffffff, 0x7fffffff, 0x7fffffff},
        Case{"Subnormal", 0, {{0, 0x1p-70f, 0x1p-70f}}, 0x00000200, 0x00000200, 0x00000200}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(DotAdd, AnEmptySumIsItsAccumulator) {
  EXPECT_EQ(FusedDotAdd(kH100TensorCore, InputFormat::kFloat16, nullptr, nullptr, 0, 1.5f), 1.5f);
  EXPECT_EQ(BitsOf(FusedDotAdd(kH100TensorCore, InputFormat::kFloat16, nullptr, nullptr, 0, -0.0f)),
            0u);
}

// Every pair of a float16 pattern and a few others: one product is exact in float32 but for what
// lies below its last place, which is cut off.
TEST(DotAdd, OneProductOfFloat16IsExact) {
  for (const uint16_t other : {0x3c00, 0x0001, 0x83ff, 0x7bff, 0xc2ab}) {
    for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
      const uint16_t bits = static_cast<uint16_t>(pattern);
      if (!IsFinite(InputFormat::kFloat16, bits)) continue;
      const FiniteInput a = Unpack(InputFormat::kFloat16, bits);
      const FiniteInput b = Unpack(InputFormat::kFloat16, other);
      const double exact =
          std::ldexp(double(a.significand) * double(b.significand), a.exponent + b.exponent - 20) *
          (a.negative == b.negative ? 1 : -1);
      const float result = FusedDotAdd(kH100TensorCore, InputFormat::kFloat16, &bits, &other, 1, 0);
      ASSERT_EQ(static_cast<double>(result), exact) << pattern << " times " << other;
    }
  }
}

}  // namespace
}  // namespace forensics::runner
