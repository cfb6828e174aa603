#include "runner/ops/tensor_core/product.h"

#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

// Inputs that reach different parts of a kernel.
enum class Inputs {
  kBits,       // any pattern, a few infinities and NaN
  kNarrow,     // exponents in a narrow band, every tenth a zero: carries and cancellation
  kTiny,       // products around and below 2^-126, subnormal accumulators
  kSubnormal,  // subnormal inputs
  kHuge,       // sums around 2^128
};

class Source {
 public:
  Source(Inputs inputs, InputFormat format) : inputs_(inputs), format_(format), random_(17) {}

  uint16_t Input() {
    const uint64_t r = random_();
    const auto with_exponent = [&](int low, int count) {
      const int bits = FractionBits(format_);
      const uint16_t rest = static_cast<uint16_t>(r) & (0x8000 | ((1 << bits) - 1));
      return static_cast<uint16_t>(rest | (low + static_cast<int>(r >> 20) % count) << bits);
    };
    const bool brain = format_ == InputFormat::kBfloat16;
    switch (inputs_) {
      case Inputs::kBits:
        return static_cast<uint16_t>(r);
      case Inputs::kNarrow:
        return (r >> 40) % 10 == 0 ? static_cast<uint16_t>(r & 0x8000)
                                   : with_exponent(brain ? 122 : 12, 6);
      case Inputs::kTiny:
        return with_exponent(brain ? 44 : 0, brain ? 40 : 6);
      case Inputs::kSubnormal:
        return with_exponent(0, 1);
      case Inputs::kHuge:
        return with_exponent(brain ? 186 : 24, 6);
    }
    return 0;
  }

  float Accumulator() {
    uint32_t bits = static_cast<uint32_t>(random_());
    if (inputs_ == Inputs::kTiny) bits &= 0x80ffffff;
    if (inputs_ == Inputs::kNarrow) bits = (bits & 0x80ffffff) | 0x3f000000;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

 private:
  Inputs inputs_;
  InputFormat format_;
  std::mt19937_64 random_;
};

struct Variant {
  const char* name;
  ChainTileFunction (*kernel)(int products);
  const char* needs;
};

bool Has(const Variant& variant) {
  __builtin_cpu_init();
  return std::string(variant.needs) == "x86-64-v4" ? __builtin_cpu_supports("x86-64-v4")
                                                   : __builtin_cpu_supports("x86-64-v3");
}

using Parameters = std::tuple<Variant, TensorCore, InputFormat, Inputs>;

class ProductVariants : public testing::TestWithParam<Parameters> {};

TEST_P(ProductVariants, HaveTheReferencesBits) {
  const auto& [variant, core, format, inputs] = GetParam();
  if (!Has(variant)) GTEST_SKIP() << "this CPU has no " << variant.name;
  constexpr int64_t kRows = 35, kColumns = 37, kDepth = 100;  // none a multiple of a tile
  Source source(inputs, format);
  std::vector<uint16_t> a(kRows * kDepth), b(kColumns * kDepth);
  std::vector<float> c(kRows * kColumns);
  for (uint16_t& bits : a) bits = source.Input();
  for (uint16_t& bits : b) bits = source.Input();
  for (float& value : c) value = source.Accumulator();
  std::vector<float> expected = c;

  const PackedColumns columns(core, format, b.data(), kColumns, kDepth, kDepth);
  ChainProduct(core, format, variant.kernel(core.products))
      .Run(a.data(), kDepth, kRows, columns, 0, kColumns, 0, kDepth, c.data(), kColumns);
  ChainProduct(core, format, nullptr)
      .Run(a.data(), kDepth, kRows, columns, 0, kColumns, 0, kDepth, expected.data(), kColumns);

  int64_t differences = 0;
  for (size_t i = 0; i < c.size(); ++i) {
    differences += std::memcmp(&c[i], &expected[i], sizeof(float)) != 0;
  }
  EXPECT_EQ(differences, 0);
}

constexpr Variant kVariants[] = {{"AVX-512", ChainTileAvx512, "x86-64-v4"},
                                 {"AVX2", ChainTileAvx2, "x86-64-v3"}};

INSTANTIATE_TEST_SUITE_P(
    All, ProductVariants,
    testing::Combine(testing::ValuesIn(kVariants),
                     testing::Values(kVoltaTensorCore, kAmpereTensorCore, kH100TensorCore),
                     testing::Values(InputFormat::kBfloat16, InputFormat::kFloat16),
                     testing::Values(Inputs::kBits, Inputs::kNarrow, Inputs::kTiny,
                                     Inputs::kSubnormal, Inputs::kHuge)));

// Sixteen products of the largest significands and an accumulator exceed 31 bits.
TEST(Product, TheLargestSumsDoNotOverflow) {
  for (const InputFormat format : {InputFormat::kBfloat16, InputFormat::kFloat16}) {
    const uint16_t largest = 0x3fff;  // all ones behind the exponent, in both formats
    for (const uint16_t sign : {0, 0x8000}) {
      const std::vector<uint16_t> a(16, largest | sign), b(16 * 16, largest);
      for (const float c : {3.9999998f, -3.9999998f, 0.0f}) {
        std::vector<float> out(16, c);
        const PackedColumns columns(kH100TensorCore, format, b.data(), 16, 16, 16);
        ChainProduct(kH100TensorCore, format)
            .Run(a.data(), 16, 1, columns, 0, 16, 0, 16, out.data(), 16);
        EXPECT_EQ(out[7], FusedDotAdd(kH100TensorCore, format, a.data(), b.data(), 16, c));
      }
    }
  }
}

TEST(Product, ARangeOfColumnsLeavesTheOthersAlone) {
  const std::vector<uint16_t> a(32, 0x3f80), b(20 * 32, 0x3f80);
  std::vector<float> out(20, -1.0f);
  const PackedColumns columns(kAmpereTensorCore, InputFormat::kBfloat16, b.data(), 20, 32, 32);
  ChainProduct(kAmpereTensorCore, InputFormat::kBfloat16)
      .Run(a.data(), 32, 1, columns, 3, 18, 8, 32, out.data(), 20);
  for (int j = 0; j < 20; ++j) EXPECT_EQ(out[j], j < 3 || j >= 18 ? -1.0f : 23.0f) << j;
}

}  // namespace
}  // namespace forensics::runner
