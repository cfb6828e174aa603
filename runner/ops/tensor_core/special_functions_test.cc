#include "runner/ops/tensor_core/special_functions.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runner/ops/tensor_core/float_bits.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

struct Recorded {
  const char* name;
  float (*function)(float);
  uint32_t exponent_bits;  // of the interval's numbers
  float offset;            // added to them
  const char* sha256;      // of the GPU's result words, little-endian
};

class RecordedInterval : public testing::TestWithParam<Recorded> {};

// The digests were taken on the GPU.
TEST_P(RecordedInterval, HasTheGpusWords) {
  std::vector<float> results(1 << 23);
  for (uint32_t i = 0; i < results.size(); ++i) {
    results[i] = GetParam().function(FloatOf(GetParam().exponent_bits | i) + GetParam().offset);
  }
  EXPECT_EQ(schema::Sha256Hex({reinterpret_cast<const char*>(results.data()), results.size() * 4}),
            GetParam().sha256);
}

INSTANTIATE_TEST_SUITE_P(
    Hopper, RecordedInterval,
    testing::Values(Recorded{"Exp2", ApproximateExp2, 0x3f800000, -1,
                             "b2a42c4a626469c986e33e43f16f41bde9d84de94347cd9ceaa1bd68d36bcdf0"},
                    Recorded{"Reciprocal", ApproximateReciprocal, 0x3f800000, 0,
                             "c408381446132e07fa5581e930dc33fb790bea7ec4276ef3621e322df2492a55"},
                    Recorded{"ReciprocalSqrtFromOne", ApproximateReciprocalSqrt, 0x3f800000, 0,
                             "c733e1437c713cd7e87f4c7e52e9aab270b2107f274cda35309dc8586ad6ec22"},
                    Recorded{"ReciprocalSqrtFromTwo", ApproximateReciprocalSqrt, 0x40000000, 0,
                             "fd7b866f4085a9e88ef6abdd9ba2726eb26708fb17d173619dac4405acb06bc0"},
                    Recorded{"Log2FromHalf", ApproximateLog2, 0x3f000000, 0,
                             "883e42d8f751983063b4c93a966fba006f08c1e111d90fe20e0fee3dd67ddd22"},
                    Recorded{"Log2FromOne", ApproximateLog2, 0x3f800000, 0,
                             "7fd9be9a924e40a0ee18ba20e7f5158135112947597c8dd86131d3d4d8f9dbfa"},
                    Recorded{"Log2FromTwo", ApproximateLog2, 0x40000000, 0,
                             "b3e28f2ca8595aa7f02dfd6b91c130e699c7606af5e111fa8176bf0cf43e669c"}),
    [](const auto& info) { return std::string(info.param.name); });

// Negative numbers have no table of their own: this digest of x = -(mantissa - 1) is the GPU's.
TEST(ApproximateExp2, NegativeNumbersAreOnesComplements) {
  std::vector<float> results(1 << 23);
  for (uint32_t i = 0; i < results.size(); ++i) {
    results[i] = ApproximateExp2(-(FloatOf(0x3f800000 | i) - 1));
  }
  EXPECT_EQ(schema::Sha256Hex({reinterpret_cast<const char*>(results.data()), results.size() * 4}),
            "0d10e24ffedea62ad8c534d8cc6dadcef3355c9c9fdfd1d9fb111083fc1a77fb");
}

struct Word {
  float (*function)(float);
  uint32_t x;
  uint32_t result;
};

// As an H100 printed them.
TEST(SpecialFunctions, SpecialValues) {
  for (const Word& word : {Word{ApproximateExp2, 0x00000000, 0x3f800000},
                           {ApproximateExp2, 0x80000000, 0x3f800000},
                           {ApproximateExp2, 0x7f800000, 0x7f800000},
                           {ApproximateExp2, 0xff800000, 0x00000000},
                           {ApproximateExp2, 0xffc00001, 0x7fffffff},
                           {ApproximateExp2, 0x807fffff, 0x3f800000},
                           {ApproximateExp2, 0x7f7fffff, 0x7f800000},
                           {ApproximateExp2, 0xff7fffff, 0x00000000},
                           {ApproximateExp2, 0xc2fc0000, 0x00800000},
                           {ApproximateExp2, 0xc2fc0001, 0x00000000},
                           {ApproximateExp2, 0x42fe0000, 0x7f000000},
                           {ApproximateExp2, 0x43000000, 0x7f800000},
                           {ApproximateExp2, 0x42ffffff, 0x7f7fffa8},
                           {ApproximateExp2, 0xc2fbffff, 0x0080002c},
                           {ApproximateExp2, 0xb3000000, 0x3f800000},
                           {ApproximateReciprocal, 0x80000000, 0xff800000},
                           {ApproximateReciprocal, 0xff800000, 0x80000000},
                           {ApproximateReciprocal, 0x7fc00000, 0x7fffffff},
                           {ApproximateReciprocal, 0x807fffff, 0xff800000},
                           {ApproximateReciprocal, 0x80800000, 0xfe800000},
                           {ApproximateReciprocal, 0xff7fffff, 0x80000000},
                           {ApproximateReciprocal, 0x7e800000, 0x00800000},
                           {ApproximateReciprocal, 0x7e800001, 0x00000000},
                           {ApproximateReciprocal, 0xc2fc0000, 0xbc020821},
                           {ApproximateReciprocalSqrt, 0x00000000, 0x7f800000},
                           {ApproximateReciprocalSqrt, 0x80000000, 0xff800000},
                           {ApproximateReciprocalSqrt, 0x7f800000, 0x00000000},
                           {ApproximateReciprocalSqrt, 0xff800000, 0x7fffffff},
                           {ApproximateReciprocalSqrt, 0x807fffff, 0xff800000},
                           {ApproximateReciprocalSqrt, 0x80800000, 0x7fffffff},
                           {ApproximateReciprocalSqrt, 0x00800000, 0x5f000000},
                           {ApproximateReciprocalSqrt, 0x7f7fffff, 0x1f800000},
                           {ApproximateReciprocalSqrt, 0x42fe0000, 0x3db5bb09},
                           {ApproximateLog2, 0x004362df, 0xff800000},
                           {ApproximateLog2, 0x00b4097d, 0xc2fb0404},
                           {ApproximateLog2, 0x017db87d, 0xc2f8069b},
                           {ApproximateLog2, 0x197eb37a, 0xc29803c1},
                           {ApproximateLog2, 0x3240833d, 0xc1d34a1e},
                           {ApproximateLog2, 0x3c11ae49, 0xc0da06d2},
                           {ApproximateLog2, 0x3e435e61, 0xc018f4da},
                           {ApproximateLog2, 0x3edc836d, 0xbf9b8e36},
                           {ApproximateLog2, 0x40dc195c, 0x40320c70},
                           {ApproximateLog2, 0x4101f05c, 0x4041635d},
                           {ApproximateLog2, 0x43843924, 0x4100bfd2},
                           {ApproximateLog2, 0x46280902, 0x4156482b},
                           {ApproximateLog2, 0x506b1438, 0x4207820c},
                           {ApproximateLog2, 0x647a574d, 0x4293ef7d},
                           {ApproximateLog2, 0x7eb9bcc0, 0x42fd1301},
                           {ApproximateLog2, 0x7f52ee44, 0x42ff70f5},
                           {ApproximateLog2, 0x7f8cfc76, 0x7fffffff},
                           {ApproximateLog2, 0x962610a8, 0x7fffffff}}) {
    EXPECT_EQ(BitsOf(word.function(FloatOf(word.x))), word.result) << std::hex << word.x;
  }
}

}  // namespace
}  // namespace forensics::runner
