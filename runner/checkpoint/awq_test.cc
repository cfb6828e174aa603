#include "runner/checkpoint/awq.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "runner/checkpoint/testing/bits.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

struct Layer {
  int64_t out, in, groups;
  at::Tensor weight;  // int32 [out, in], 0..15
  at::Tensor zeros;   // int32 [out, groups], 0..15
  at::Tensor scales;  // [groups, out]
};

// Scales of both signs and all magnitudes, among them zeros, subnormals, infinities and NaN.
Layer RandomLayer(int64_t out, int64_t in, int64_t groups, at::ScalarType scale_dtype) {
  std::mt19937 engine(static_cast<uint32_t>(out * in + groups));
  const auto ints = at::TensorOptions().dtype(at::kInt);
  Layer layer = {out, in, groups, at::empty({out, in}, ints), at::empty({out, groups}, ints), {}};
  for (const at::Tensor& levels : {layer.weight, layer.zeros}) {
    for (int64_t i = 0; i < levels.numel(); ++i) {
      levels.mutable_data_ptr<int32_t>()[i] = static_cast<int32_t>(engine() % 16);
    }
  }
  const float special[] = {0.0f, -0.0f,   6e-8f, 1e-39f, std::numeric_limits<float>::infinity(),
                           NAN,  65504.0f};
  at::Tensor scales = at::empty({groups, out}, at::TensorOptions().dtype(at::kFloat));
  for (int64_t i = 0; i < scales.numel(); ++i) {
    const double magnitude =
        std::ldexp(1 + (engine() % 1024) / 1024.0, -static_cast<int>(engine() % 20));
    scales.mutable_data_ptr<float>()[i] =
        engine() % 16 == 0 ? special[engine() % 7]
                           : static_cast<float>(engine() % 2 == 0 ? magnitude : -magnitude);
  }
  layer.scales = scales.to(scale_dtype);
  return layer;
}

// The definition, one element at a time.
template <typename T>
void ExpectDecoded(const Layer& layer, const at::Tensor& decoded) {
  const at::Tensor scales = layer.scales.to(at::kFloat);
  ExpectWeight<T>(decoded, layer.out, layer.in, [&](int64_t o, int64_t i) {
    const int64_t group = i / (layer.in / layer.groups);
    const int32_t level = layer.weight.const_data_ptr<int32_t>()[o * layer.in + i];
    const int32_t zero = layer.zeros.const_data_ptr<int32_t>()[o * layer.groups + group];
    return static_cast<float>(level - zero) * scales.const_data_ptr<float>()[group * layer.out + o];
  });
}

struct Size {
  int64_t out, in, groups;
};

class DecodeAwqTest : public testing::TestWithParam<Size> {};

TEST_P(DecodeAwqTest, IsTheDefinitionBitForBit) {
  const Size size = GetParam();
  for (at::ScalarType scale_dtype : {at::kHalf, at::kBFloat16, at::kFloat}) {
    const Layer layer = RandomLayer(size.out, size.in, size.groups, scale_dtype);
    const AwqTensors packed = PackAwq(layer.weight, layer.zeros);
    const auto decode = [&](at::ScalarType dtype) {
      const auto weight = DecodeAwq(packed.qweight, packed.qzeros, layer.scales, dtype);
      EXPECT_TRUE(weight.ok()) << weight.status();
      return *weight;
    };
    ExpectDecoded<float>(layer, decode(at::kFloat));
    ExpectDecoded<at::Half>(layer, decode(at::kHalf));
    ExpectDecoded<at::BFloat16>(layer, decode(at::kBFloat16));
  }
}

// Sizes around those of the tiles: 32 rows of 64 inputs, blocks of 128 rows.
INSTANTIATE_TEST_SUITE_P(Sizes, DecodeAwqTest,
                         testing::Values(Size{8, 1, 1}, Size{8, 16, 1}, Size{32, 64, 1},
                                         Size{32, 64, 4}, Size{40, 64, 1}, Size{24, 192, 2},
                                         Size{128, 256, 2}, Size{136, 200, 1}, Size{264, 384, 3},
                                         Size{768, 130, 1}),
                         [](const testing::TestParamInfo<Size>& info) {
                           return std::to_string(info.param.out) + "x" +
                                  std::to_string(info.param.in) + "by" +
                                  std::to_string(info.param.groups);
                         });

// Nibbles by hand: word 0x76543210 holds, from its low end, outputs 0, 2, 4, 6, 1, 3, 5, 7.
TEST(DecodeAwqTest, OrderInAWord) {
  const auto ints = at::TensorOptions().dtype(at::kInt);
  at::Tensor qweight = at::zeros({1, 1}, ints);
  *qweight.mutable_data_ptr<int32_t>() = 0x76543210;
  const at::Tensor scales = at::empty({1, 8}, at::TensorOptions().dtype(at::kHalf)).fill_(1);
  const auto weight = DecodeAwq(qweight, at::zeros({1, 1}, ints), scales, at::kFloat);
  ASSERT_TRUE(weight.ok()) << weight.status();
  const auto* values = weight->const_data_ptr<float>();
  EXPECT_THAT(std::vector<float>(values, values + 8), testing::ElementsAre(0, 4, 1, 5, 2, 6, 3, 7));
}

TEST(DecodeAwqTest, RefusesOperandsThatDoNotFit) {
  const auto ints = at::TensorOptions().dtype(at::kInt);
  const auto halves = at::TensorOptions().dtype(at::kHalf);
  const at::Tensor qweight = at::zeros({64, 4}, ints);
  const at::Tensor qzeros = at::zeros({2, 4}, ints);
  const at::Tensor scales = at::zeros({2, 32}, halves);
  ASSERT_TRUE(DecodeAwq(qweight, qzeros, scales, at::kHalf).ok());
  struct Case {
    at::Tensor qweight, qzeros, scales;
    at::ScalarType dtype;
    const char* error;
  };
  const Case cases[] = {
      {at::zeros({64}, ints), qzeros, scales, at::kHalf, "found [64]"},
      {at::zeros({63, 4}, ints), qzeros, scales, at::kHalf, "multiple of groups"},
      {at::zeros({64, 4}, halves), qzeros, scales, at::kHalf,
       "qweight: expected Int [64, 4], found Half"},
      {qweight, at::zeros({2, 5}, ints), scales, at::kHalf, "qzeros: expected Int [2, 4]"},
      {qweight, at::zeros({0, 4}, ints), scales, at::kHalf, "multiple of groups"},
      {qweight, qzeros, at::zeros({2, 31}, halves), at::kHalf,
       "expected Half or BFloat16 or Float [2, 32], found Half [2, 31]"},
      {qweight, qzeros, at::zeros({2, 32}, ints), at::kHalf, "found Int"},
      {qweight, qzeros, scales, at::kInt, "cannot decode to Int"},
  };
  for (const Case& c : cases) {
    const auto weight = DecodeAwq(c.qweight, c.qzeros, c.scales, c.dtype);
    EXPECT_THAT(std::string(weight.status().message()), HasSubstr(c.error));
  }
}

}  // namespace
}  // namespace forensics::runner
