// Bit for bit: whichever queries are computed together, and against the plain form, in which every
// score is computed and hidden ones take part in every sum with weight zero.
#include "runner/ops/eager_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "runner/ops/lanes.h"
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

Case MakeCase(const Shape& s, at::ScalarType dtype) {
  const std::vector<int64_t> cache = {s.batch, s.kv_heads, s.length, s.dim};
  return {(Noise({s.batch, s.heads, s.tokens, s.dim}, 1) * 3).to(dtype), Noise(cache, 2).to(dtype),
          Noise(cache, 3).to(dtype)};
}

// [batch, tokens, heads * dim]
at::Tensor Attend(const Case& c) {
  return EagerAttention(c.queries, c.keys, c.values)
      .view({c.queries.size(0), c.queries.size(2), -1});
}

float Exp(float x) { return ExpLanes(AllLanes(x))[0]; }

// The output [dim] of a query that sees `visible` of `length` keys; all arrays hold T as float.
template <typename T>
std::vector<float> PlainRow(const float* query, const float* keys, const float* values,
                            int64_t visible, int64_t length, int64_t dim) {
  const auto round = [](float x) { return static_cast<float>(static_cast<T>(x)); };
  const float scaling = static_cast<float>(1 / std::sqrt(static_cast<double>(dim)));
  std::vector<float> weights(length), out(dim);
  for (int64_t j = 0; j < length; ++j) {
    float score = 0;
    for (int64_t d = 0; d < dim; ++d) score += query[d] * keys[j * dim + d];
    weights[j] = j < visible ? round(round(score) * scaling) : -INFINITY;
  }
  const float largest = *std::max_element(weights.begin(), weights.end());
  constexpr int64_t kBlock = 128;
  float total = 0;
  for (int64_t first = 0; first < length; first += kBlock) {
    float sum = 0;
    for (int64_t j = first; j < std::min(first + kBlock, length); ++j) {
      sum += weights[j] = Exp(weights[j] - largest);
    }
    total += sum;
  }
  for (float& weight : weights) weight = round(weight / total);
  for (int64_t d = 0; d < dim; ++d) {
    float all = 0;
    for (int64_t first = 0; first < length; first += kBlock) {
      float sum = 0;
      for (int64_t j = first; j < std::min(first + kBlock, length); ++j) {
        sum += weights[j] * values[j * dim + d];
      }
      all += sum;
    }
    out[d] = round(all);
  }
  return out;
}

template <typename T>
at::Tensor Plain(const Case& c) {
  const int64_t batch = c.queries.size(0), heads = c.queries.size(1), tokens = c.queries.size(2);
  const int64_t length = c.keys.size(2), dim = c.keys.size(3), group = heads / c.keys.size(1);
  const at::Tensor q = c.queries.to(at::kFloat), k = c.keys.to(at::kFloat),
                   v = c.values.to(at::kFloat);
  at::Tensor out = at::empty({batch, tokens, heads * dim}, at::kFloat);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t t = 0; t < tokens; ++t) {
        const std::vector<float> row = PlainRow<T>(
            q[b][h][t].const_data_ptr<float>(), k[b][h / group].const_data_ptr<float>(),
            v[b][h / group].const_data_ptr<float>(), length - tokens + t + 1, length, dim);
        std::copy(row.begin(), row.end(),
                  out[b][t].narrow(0, h * dim, dim).mutable_data_ptr<float>());
      }
    }
  }
  return out.to(c.queries.scalar_type());
}

class EagerAttentionTest : public testing::TestWithParam<std::tuple<at::ScalarType, Shape>> {};

TEST_P(EagerAttentionTest, EqualsThePlainForm) {
  const auto& [dtype, shape] = GetParam();
  const Case c = MakeCase(shape, dtype);
  ForFloatType(dtype,
               [&c](auto zero) { EXPECT_TRUE(at::equal(Attend(c), Plain<decltype(zero)>(c))); });
}

TEST_P(EagerAttentionTest, BlocksOfQueriesDoNotChangeBits) {
  const auto& [dtype, shape] = GetParam();
  const Case c = MakeCase(shape, dtype);
  const at::Tensor whole = Attend(c);
  const int64_t before = shape.length - shape.tokens;
  for (const int64_t block : {1, 7, 64, 256}) {
    std::vector<at::Tensor> parts;
    for (int64_t first = 0; first < shape.tokens; first += block) {
      const int64_t count = std::min(block, shape.tokens - first);
      const int64_t length = before + first + count;
      parts.push_back(Attend({c.queries.narrow(2, first, count).contiguous(),
                              c.keys.narrow(2, 0, length), c.values.narrow(2, 0, length)}));
    }
    EXPECT_TRUE(at::equal(at::cat(parts, 1), whole)) << "blocks of " << block;
  }
}

TEST_P(EagerAttentionTest, TheBatchDoesNotChangeBits) {
  const auto& [dtype, shape] = GetParam();
  const Case c = MakeCase(shape, dtype);
  const at::Tensor whole = Attend(c);
  for (int64_t b = 0; b < shape.batch; ++b) {
    const at::Tensor alone =
        Attend({c.queries.narrow(0, b, 1), c.keys.narrow(0, b, 1), c.values.narrow(0, b, 1)});
    EXPECT_TRUE(at::equal(alone, whole.narrow(0, b, 1))) << "sequence " << b;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, EagerAttentionTest,
    testing::Combine(testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                     testing::Values(Shape{"prefill", 1, 4, 2, 301, 301, 32},
                                     Shape{"prefill_batch", 2, 2, 1, 67, 67, 64},
                                     Shape{"one_head", 1, 1, 1, 130, 130, 10},
                                     Shape{"continued", 2, 4, 2, 70, 391, 32},
                                     Shape{"decode", 1, 8, 4, 1, 1300, 32},
                                     Shape{"decode_batch", 3, 6, 2, 1, 513, 128})),
    [](const auto& info) {
      return std::string(c10::toString(std::get<0>(info.param))) + "_" +
             std::get<1>(info.param).name;
    });

}  // namespace
}  // namespace forensics::runner
