#include "runner/checkpoint/nf4.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "runner/checkpoint/testing/bits.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

at::Tensor RandomBytes(std::vector<int64_t> shape, std::mt19937& engine) {
  at::Tensor bytes = at::empty(shape, at::TensorOptions().dtype(at::kByte));
  auto* data = bytes.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < bytes.numel(); ++i) data[i] = static_cast<uint8_t>(engine());
  return bytes;
}

// Among them zeros, subnormals, infinities and NaN.
at::Tensor RandomFloats(int64_t count, std::mt19937& engine) {
  const float special[] = {0.0f, 1e-39f, std::numeric_limits<float>::infinity(), NAN, 3e38f};
  at::Tensor floats = at::empty({count}, at::TensorOptions().dtype(at::kFloat));
  auto* data = floats.mutable_data_ptr<float>();
  for (int64_t i = 0; i < count; ++i) {
    data[i] = engine() % 32 == 0
                  ? special[engine() % 5]
                  : std::ldexp(static_cast<float>(engine()), -static_cast<int>(engine() % 40));
  }
  return floats;
}

Nf4Tensors RandomTensors(const Nf4Layout& layout) {
  std::mt19937 engine(static_cast<uint32_t>(layout.weights() + layout.block_size));
  Nf4Tensors tensors;
  tensors.weight = RandomBytes({layout.bytes(), 1}, engine);
  tensors.quant_map = RandomFloats(16, engine);
  if (layout.nested.has_value()) {
    tensors.absmax = RandomBytes({layout.blocks()}, engine);
    tensors.nested_absmax = RandomFloats(layout.nested_blocks(), engine);
    tensors.nested_quant_map = RandomFloats(256, engine);
  } else {
    tensors.absmax = RandomFloats(layout.blocks(), engine);
  }
  return tensors;
}

float Magnitude(const Nf4Tensors& tensors, const Nf4Layout& layout, int64_t block) {
  if (!layout.nested.has_value()) return tensors.absmax.const_data_ptr<float>()[block];
  const int code = tensors.absmax.const_data_ptr<uint8_t>()[block];
  const volatile float scaled =  // a product of its own, not a part of a fused operation
      tensors.nested_quant_map.const_data_ptr<float>()[code] *
      tensors.nested_absmax.const_data_ptr<float>()[block / layout.nested->block_size];
  return scaled + layout.nested->offset;
}

// The definition, one element at a time.
template <typename T>
void ExpectDecoded(const Nf4Tensors& tensors, const Nf4Layout& layout, at::ScalarType dtype) {
  const auto decoded = DecodeNf4(tensors, layout, dtype);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectWeight<T>(*decoded, layout.out_features, layout.in_features, [&](int64_t o, int64_t i) {
    const int64_t index = o * layout.in_features + i;
    const int byte = tensors.weight.const_data_ptr<uint8_t>()[index / 2];
    const int level = index % 2 == 0 ? byte >> 4 : byte & 15;
    return tensors.quant_map.const_data_ptr<float>()[level] *
           Magnitude(tensors, layout, index / layout.block_size);
  });
}

struct Shape {
  int64_t out, in;
};

class DecodeNf4Test : public testing::TestWithParam<Shape> {};

TEST_P(DecodeNf4Test, IsTheDefinitionBitForBit) {
  for (int64_t block_size : {2, 64, 128, 4096}) {
    for (int64_t nested_block_size : {0, 2, 256}) {
      Nf4Layout layout = {GetParam().out, GetParam().in, block_size, std::nullopt};
      if (nested_block_size > 0) layout.nested = {nested_block_size, 0.21774631f};
      const Nf4Tensors tensors = RandomTensors(layout);
      ExpectDecoded<float>(tensors, layout, at::kFloat);
      ExpectDecoded<at::Half>(tensors, layout, at::kHalf);
      ExpectDecoded<at::BFloat16>(tensors, layout, at::kBFloat16);
    }
  }
}

// Rows that blocks cross, a last block that is not full, a last byte of one weight.
INSTANTIATE_TEST_SUITE_P(Shapes, DecodeNf4Test,
                         testing::Values(Shape{8, 64}, Shape{1, 1}, Shape{3, 5}, Shape{7, 96},
                                         Shape{48, 80}, Shape{129, 255}),
                         [](const testing::TestParamInfo<Shape>& info) {
                           return std::to_string(info.param.out) + "x" +
                                  std::to_string(info.param.in);
                         });

// By hand: the high nibble of a byte comes first.
TEST(DecodeNf4Test, OrderInAByte) {
  Nf4Tensors tensors;
  tensors.weight = at::empty({2, 1}, at::TensorOptions().dtype(at::kByte));
  tensors.weight.mutable_data_ptr<uint8_t>()[0] = 0x7f;
  tensors.weight.mutable_data_ptr<uint8_t>()[1] = 0x0e;
  tensors.quant_map = Nf4Map();
  tensors.absmax = at::empty({1}, at::TensorOptions().dtype(at::kFloat)).fill_(2);
  const auto weight = DecodeNf4(tensors, {2, 2, 64, std::nullopt}, at::kFloat);
  ASSERT_TRUE(weight.ok()) << weight.status();
  const auto* values = weight->const_data_ptr<float>();
  EXPECT_THAT(std::vector<float>(values, values + 4),
              testing::ElementsAre(0, 2, -2, 2 * 0.7229568362236023f));
}

TEST(DecodeNf4Test, RefusesOperandsThatDoNotFit) {
  const auto bytes = at::TensorOptions().dtype(at::kByte);
  const Nf4Layout layout = {32, 64, 64, Nf4Layout::Nested{}};
  const Nf4Tensors good = RandomTensors(layout);
  ASSERT_TRUE(DecodeNf4(good, layout, at::kHalf).ok());
  struct Case {
    at::Tensor Nf4Tensors::*operand;
    at::Tensor replacement;
    const char* error;
  };
  const Case cases[] = {
      {&Nf4Tensors::weight, at::zeros({1024}, bytes), "weight: expected Byte [1024, 1], found"},
      {&Nf4Tensors::weight, at::zeros({1023, 1}, bytes), "found Byte [1023, 1]"},
      {&Nf4Tensors::weight, at::zeros({1024, 1}), "found Float [1024, 1]"},
      {&Nf4Tensors::absmax, at::zeros({32}), "absmax: expected Byte [32], found Float [32]"},
      {&Nf4Tensors::absmax, at::zeros({33}, bytes), "found Byte [33]"},
      {&Nf4Tensors::quant_map, at::zeros({15}), "quant_map: expected Float [16], found Float [15]"},
      {&Nf4Tensors::nested_absmax, at::zeros({2}), "nested_absmax: expected Float [1]"},
      {&Nf4Tensors::nested_quant_map, at::zeros({16}), "nested_quant_map: expected Float [256]"},
  };
  for (const Case& c : cases) {
    Nf4Tensors tensors = good;
    tensors.*c.operand = c.replacement;
    EXPECT_THAT(std::string(DecodeNf4(tensors, layout, at::kHalf).status().message()),
                HasSubstr(c.error));
  }
  EXPECT_THAT(std::string(DecodeNf4(good, layout, at::kInt).status().message()),
              HasSubstr("nf4: cannot decode to Int"));
}

TEST(ParseNf4LayoutTest, ReadsWhatBitsandbytesWrites) {
  constexpr char kNested[] =
      R"({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [256, 128],)"
      R"( "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.19464111328125})";
  const auto nested = ParseNf4Layout(kNested, "origin");
  ASSERT_TRUE(nested.ok()) << nested.status();
  EXPECT_EQ(nested->out_features, 256);
  EXPECT_EQ(nested->in_features, 128);
  EXPECT_EQ(nested->bytes(), 16384);
  EXPECT_EQ(nested->blocks(), 512);
  ASSERT_TRUE(nested->nested.has_value());
  EXPECT_EQ(nested->nested->offset, 0.19464111328125f);
  EXPECT_EQ(nested->nested_blocks(), 2);
  EXPECT_EQ(Nf4LayoutJson(*nested), kNested);
  const auto plain = ParseNf4Layout(
      R"({"quant_type": "nf4", "blocksize": 128, "dtype": "float16", "shape": [3, 43]})", "origin");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_FALSE(plain->nested.has_value());
  EXPECT_EQ(plain->bytes(), 65);
  EXPECT_EQ(plain->blocks(), 2);
}

TEST(ParseNf4LayoutTest, NamesWhatIsWrong) {
  const struct {
    const char* json;
    const char* error;
  } cases[] = {
      {"", "not valid JSON at byte 0"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 64)", "not valid JSON"},
      {"[]", "expected a JSON object"},
      {R"({"blocksize": 64, "shape": [8, 64]})", "quant_type: expected"},
      {R"({"quant_type": "fp4", "blocksize": 64, "shape": [8, 64]})",
       "quant_type: expected \"nf4\", found \"fp4\""},
      {R"({"quant_type": "nf4", "shape": [8, 64]})", "blocksize: expected an integer from 2"},
      {R"({"quant_type": "nf4", "blocksize": 0, "shape": [8, 64]})", "blocksize"},
      {R"({"quant_type": "nf4", "blocksize": 63, "shape": [8, 64]})",
       "blocksize: expected an even number, found 63"},
      {R"({"quant_type": "nf4", "blocksize": 64})", "shape: expected two integers"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8]})", "shape: expected two integers"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, -1]})", "shape: expected an array"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 64], "nested_offset": 0.1})",
       "nested_blocksize: expected"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 64], "nested_blocksize": 256})",
       "nested_offset: expected a number"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 64], "nested_blocksize": 256,
           "nested_offset": 1e39})",
       "nested_offset: expected a number"},
      {R"({"quant_type": "nf4", "blocksize": 64, "shape": [8, 64], "nested_blocksize": 256,
           "nested_offset": 0.1, "nested_dtype": "float16"})",
       "nested_dtype: expected \"float32\""},
      {R"({"quant_type": "nf4", "blocksize": 64, "blocksize": 128, "shape": [8, 64]})",
       "appears twice"},
  };
  for (const auto& c : cases) {
    const std::string error(ParseNf4Layout(c.json, "file: tensor x").status().message());
    EXPECT_THAT(error, testing::StartsWith("file: tensor x: ")) << c.json;
    EXPECT_THAT(error, HasSubstr(c.error)) << c.json;
  }
}

}  // namespace
}  // namespace forensics::runner
