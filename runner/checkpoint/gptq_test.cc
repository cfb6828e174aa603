#include "runner/checkpoint/gptq.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runner/checkpoint/testing/bits.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

enum class Order {
  kAscending,  // desc_act false
  kPermuted,   // as act-order leaves it: every group has its inputs, anywhere
  kArbitrary,  // groups of any size, some empty
  kOneForAll,  // the last group alone
};

struct Layer {
  int64_t out, in, groups;
  at::Tensor weight;  // int32 [out, in], 0..15
  at::Tensor zeros;   // int32 [out, groups], 0..15, as stored
  GptqTensors packed;
};

at::Tensor RandomNibbles(int64_t rows, int64_t columns, std::mt19937& engine) {
  at::Tensor nibbles = at::empty({rows, columns}, at::TensorOptions().dtype(at::kInt));
  auto* data = nibbles.mutable_data_ptr<int32_t>();
  for (int64_t i = 0; i < nibbles.numel(); ++i) data[i] = static_cast<int32_t>(engine() % 16);
  return nibbles;
}

// Of both signs and all magnitudes, among them zeros, subnormals, infinities and NaN.
at::Tensor RandomScales(int64_t groups, int64_t out, std::mt19937& engine) {
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
  return scales;
}

at::Tensor Groups(int64_t in, int64_t groups, Order order, std::mt19937& engine) {
  at::Tensor g_idx = at::empty({in}, at::TensorOptions().dtype(at::kInt));
  auto* data = g_idx.mutable_data_ptr<int32_t>();
  const int64_t size = (in + groups - 1) / groups;
  for (int64_t i = 0; i < in; ++i) {
    data[i] = static_cast<int32_t>(i / size);
    if (order == Order::kPermuted) std::swap(data[i], data[engine() % (i + 1)]);
    if (order == Order::kArbitrary) data[i] = static_cast<int32_t>(engine() % groups);
    if (order == Order::kOneForAll) data[i] = static_cast<int32_t>(groups - 1);
  }
  return g_idx;
}

Layer RandomLayer(int64_t out, int64_t in, int64_t groups, Order order) {
  std::mt19937 engine(static_cast<uint32_t>(out * in + groups));
  Layer layer = {
      out, in, groups, RandomNibbles(out, in, engine), RandomNibbles(out, groups, engine), {}};
  const PackedGptq packed = PackGptq(layer.weight, layer.zeros);
  layer.packed = {packed.qweight, packed.qzeros, RandomScales(groups, out, engine),
                  Groups(in, groups, order, engine)};
  return layer;
}

// The definition, one element at a time.
template <typename T>
void ExpectDecoded(const Layer& layer, int zero_offset, at::ScalarType dtype) {
  const auto decoded = DecodeGptq(layer.packed, zero_offset, dtype);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  const at::Tensor scales = layer.packed.scales.to(at::kFloat);
  ExpectWeight<T>(*decoded, layer.out, layer.in, [&](int64_t o, int64_t i) {
    const int64_t group = layer.packed.g_idx.const_data_ptr<int32_t>()[i];
    const int32_t level = layer.weight.const_data_ptr<int32_t>()[o * layer.in + i];
    const int32_t zero =
        layer.zeros.const_data_ptr<int32_t>()[o * layer.groups + group] + zero_offset;
    return static_cast<float>(level - zero) * scales.const_data_ptr<float>()[group * layer.out + o];
  });
}

struct Size {
  int64_t out, in, groups;
};

class DecodeGptqTest : public testing::TestWithParam<Size> {};

TEST_P(DecodeGptqTest, IsTheDefinitionBitForBit) {
  const Size size = GetParam();
  for (Order order : {Order::kAscending, Order::kPermuted, Order::kArbitrary, Order::kOneForAll}) {
    Layer layer = RandomLayer(size.out, size.in, size.groups, order);
    const at::Tensor scales = layer.packed.scales;
    for (at::ScalarType scale_dtype : {at::kHalf, at::kBFloat16, at::kFloat}) {
      layer.packed.scales = scales.to(scale_dtype);
      for (int zero_offset : {0, 1}) {
        ExpectDecoded<float>(layer, zero_offset, at::kFloat);
        ExpectDecoded<at::Half>(layer, zero_offset, at::kHalf);
        ExpectDecoded<at::BFloat16>(layer, zero_offset, at::kBFloat16);
      }
    }
  }
}

// Sizes around that of a block, 16 outputs; a last group that is smaller than the others.
INSTANTIATE_TEST_SUITE_P(Sizes, DecodeGptqTest,
                         testing::Values(Size{8, 8, 1}, Size{16, 64, 4}, Size{24, 40, 5},
                                         Size{40, 64, 1}, Size{8, 200, 2}, Size{264, 104, 3},
                                         Size{128, 256, 2}),
                         [](const testing::TestParamInfo<Size>& info) {
                           return std::to_string(info.param.out) + "x" +
                                  std::to_string(info.param.in) + "by" +
                                  std::to_string(info.param.groups);
                         });

// By hand: word 0x76543210 holds inputs 0, 1, ... from its low end; stored zeros of 7 are 8 in
// version 1 and 7 in version 2.
TEST(DecodeGptqTest, OrderInAWordAndVersions) {
  const auto ints = at::TensorOptions().dtype(at::kInt);
  const GptqTensors tensors = {at::empty({1, 8}, ints).fill_(0x76543210),
                               at::empty({1, 1}, ints).fill_(0x77777777), at::ones({1, 8}),
                               at::zeros({8}, ints)};
  const auto first_row = [&](int zero_offset) {
    const auto weight = DecodeGptq(tensors, zero_offset, at::kFloat);
    EXPECT_TRUE(weight.ok()) << weight.status();
    const auto* values = weight->const_data_ptr<float>();
    return std::vector<float>(values, values + 8);
  };
  EXPECT_THAT(first_row(1), testing::ElementsAre(-8, -7, -6, -5, -4, -3, -2, -1));
  EXPECT_THAT(first_row(0), testing::ElementsAre(-7, -6, -5, -4, -3, -2, -1, 0));
}

TEST(DecodeGptqTest, RefusesOperandsThatDoNotFit) {
  const auto ints = at::TensorOptions().dtype(at::kInt);
  const auto group = [&](int64_t place, int32_t value) {
    at::Tensor g_idx = at::zeros({64}, ints);
    g_idx.mutable_data_ptr<int32_t>()[place] = value;
    return g_idx;
  };
  const GptqTensors good = {at::zeros({8, 32}, ints), at::zeros({2, 4}, ints), at::zeros({2, 32}),
                            group(63, 1)};
  ASSERT_TRUE(DecodeGptq(good, 1, at::kHalf).ok());
  struct Case {
    at::Tensor GptqTensors::*operand;
    at::Tensor replacement;
    const char* error;
  };
  const Case cases[] = {
      {&GptqTensors::qweight, at::zeros({8}, ints), "found [8]"},
      {&GptqTensors::qweight, at::zeros({8, 31}, ints), "qweight [in / 8, out]"},
      {&GptqTensors::qweight, at::zeros({8, 32}), "qweight: expected Int [8, 32], found Float"},
      {&GptqTensors::qzeros, at::zeros({0, 4}, ints), "qzeros [groups, out / 8]"},
      {&GptqTensors::qzeros, at::zeros({2, 5}, ints), "qzeros: expected Int [2, 4]"},
      {&GptqTensors::scales, at::zeros({3, 32}), "scales: expected Half or BFloat16 or Float"},
      {&GptqTensors::scales, at::zeros({2, 32}, ints), "found Int [2, 32]"},
      {&GptqTensors::g_idx, at::zeros({63}, ints), "g_idx: expected Int [64], found Int [63]"},
      {&GptqTensors::g_idx, at::zeros({64}), "g_idx: expected Int [64], found Float"},
      {&GptqTensors::g_idx, group(5, 2), "g_idx[5]: expected a group from 0 to 1, found 2"},
      {&GptqTensors::g_idx, group(0, -1), "g_idx[0]: expected a group from 0 to 1, found -1"},
  };
  for (const Case& c : cases) {
    GptqTensors tensors = good;
    tensors.*c.operand = c.replacement;
    EXPECT_THAT(std::string(DecodeGptq(tensors, 1, at::kHalf).status().message()),
                HasSubstr(c.error));
  }
  EXPECT_THAT(std::string(DecodeGptq(good, 1, at::kInt).status().message()),
              HasSubstr("gptq: cannot decode to Int"));
}

}  // namespace
}  // namespace forensics::runner
