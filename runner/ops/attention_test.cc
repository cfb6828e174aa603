// Every implementation against attention in float64.
#include "runner/ops/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

struct Shape {
  const char* name;
  int64_t batch, heads, kv_heads, tokens, length, dim;
};

struct Case {
  at::Tensor queries, keys, values;
};

// Keys and values are the first `length` positions of a larger cache whose rest is NaN.
Case MakeCase(const Shape& s, at::ScalarType dtype) {
  const auto cache = [&](int64_t seed) {
    at::Tensor whole = at::full({s.batch, s.kv_heads, s.length + 5, s.dim},
                                std::numeric_limits<double>::quiet_NaN(), dtype);
    at::Tensor used = whole.narrow(2, 0, s.length);
    used.copy_(Noise({s.batch, s.kv_heads, s.length, s.dim}, seed));
    return used;
  };
  return {(Noise({s.batch, s.heads, s.tokens, s.dim}, 1) * 3).to(dtype), cache(2), cache(3)};
}

at::Tensor Reference(const Case& c) {
  const int64_t heads = c.queries.size(1), tokens = c.queries.size(2), dim = c.queries.size(3);
  const int64_t length = c.keys.size(2), group = heads / c.keys.size(1);
  const auto per_head = [&](const at::Tensor& t) {
    return t.to(at::kDouble).repeat_interleave(group, 1);
  };
  at::Tensor scores = at::matmul(c.queries.to(at::kDouble), per_head(c.keys).transpose(2, 3)) /
                      std::sqrt(static_cast<double>(dim));
  const at::Tensor hidden =
      at::arange(length).unsqueeze(0) > at::arange(tokens).unsqueeze(1) + (length - tokens);
  scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  return at::matmul(at::softmax(scores, -1), per_head(c.values))
      .transpose(1, 2)
      .reshape({-1, heads * dim});
}

// The GPU's eager attention is made of libtorch's operations, which the CPU has as well.
constexpr char kCudaEager[] = "cuda_eager";

std::vector<std::string> Names() {
  std::vector<std::string> names = AttentionNames(at::kCPU);
  names.push_back(kCudaEager);
  return names;
}

class AttentionTest
    : public testing::TestWithParam<std::tuple<std::string, at::ScalarType, Shape>> {
 protected:
  AttentionFunction function() const {
    const std::string& name = std::get<0>(GetParam());
    if (name == kCudaEager) return FindAttention("eager", at::kCUDA).value().function;
    return FindAttention(name, at::kCPU).value().function;
  }
};

TEST_P(AttentionTest, AgreesWithFloat64) {
  const auto& [name, dtype, shape] = GetParam();
  const Case c = MakeCase(shape, dtype);
  const at::Tensor found = function()(c.queries, c.keys, c.values);
  EXPECT_EQ(found.scalar_type(), dtype);
  // float32: scores of size 10 are off by a few ULPs (more where they are one sum of 128 products,
  // as in eager attention), which the exponential turns into relative errors. Else: one rounding of
  // the result, and libtorch's of the weights; eager attention rounds scores too, twice.
  const bool eager = name == "eager" || name == kCudaEager;
  const double upper = Epsilon(dtype) * (dtype == at::kFloat ? (eager ? 16 : 8) : eager ? 6 : 2);
  ExpectRelativeL2(found, Reference(c), upper, shape.length == 1 ? 0 : Epsilon(dtype) / 100);
  EXPECT_TRUE(at::equal(found, function()(c.queries, c.keys, c.values))) << "two runs";
}

INSTANTIATE_TEST_SUITE_P(
    All, AttentionTest,
    testing::Combine(
        testing::ValuesIn(Names()), testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
        testing::Values(
            Shape{"prefill", 1, 4, 2, 200, 200, 32}, Shape{"prefill_batch", 2, 6, 2, 67, 67, 64},
            Shape{"prefill_one_kv_head", 1, 3, 1, 130, 130, 128},
            Shape{"prefill_odd_dim", 1, 2, 2, 65, 65, 10}, Shape{"continued", 2, 4, 2, 70, 301, 32},
            Shape{"two_tokens", 1, 4, 4, 2, 90, 32}, Shape{"decode", 1, 8, 4, 1, 1300, 32},
            Shape{"decode_batch", 3, 6, 2, 1, 513, 128},
            Shape{"decode_odd_dim", 2, 2, 1, 1, 77, 10}, Shape{"first_token", 1, 2, 1, 1, 1, 32})),
    [](const auto& info) {
      return std::get<0>(info.param) + "_" + c10::toString(std::get<1>(info.param)) + "_" +
             std::get<2>(info.param).name;
    });

TEST(AttentionTableTest, DevicesHaveTheirOwn) {
  EXPECT_TRUE(FindAttention("cudnn", at::kCUDA).ok());
  EXPECT_FALSE(FindAttention("cudnn", at::kCPU).ok());
  EXPECT_FALSE(FindAttention("flash_attention_portable", at::kCUDA).ok());
}

TEST(AttentionTableTest, UnknownNameListsTheKnown) {
  const auto found = FindAttention("paged", at::kCPU);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(found.status().message(), testing::HasSubstr("flash_attention_2, "));
  EXPECT_THAT(found.status().message(), testing::HasSubstr("found \"paged\""));
}

}  // namespace
}  // namespace forensics::runner
