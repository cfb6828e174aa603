// Bit for bit against the plain form: sixteen lanes, chunks of 512 positions, added up in order.
#include "runner/ops/flash_decode.h"

#include <ATen/TensorOperators.h>
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

constexpr int64_t kChunk = 512;

struct Shape {
  const char* name;
  int64_t batch, heads, kv_heads, length, dim;
};

float Exp(float x) { return ExpLanes(AllLanes(x))[0]; }

// Element i is added to lane i mod 16 in turn; then halves of the lanes are added.
class LaneSum {
 public:
  void Add(int64_t i, float x) { lanes_[i % kLanes] += x; }
  float Total() const {
    float x[kLanes];
    std::copy(std::begin(lanes_), std::end(lanes_), x);
    for (int64_t width = kLanes / 2; width >= 1; width /= 2) {
      for (int64_t i = 0; i < width; ++i) x[i] += x[i + width];
    }
    return x[0];
  }

 private:
  float lanes_[kLanes] = {};
};

struct Chunk {
  float largest, total;
  std::vector<float> out;  // [dim]
};

Chunk PlainChunk(const std::vector<float>& query, const float* keys, const float* values,
                 int64_t count, int64_t dim) {
  std::vector<float> weights(count);
  for (int64_t j = 0; j < count; ++j) {
    LaneSum score;
    for (int64_t d = 0; d < dim; ++d) score.Add(d, query[d] * keys[j * dim + d]);
    weights[j] = score.Total();
  }
  Chunk chunk = {*std::max_element(weights.begin(), weights.end()), 0, std::vector<float>(dim)};
  LaneSum total;
  for (int64_t j = 0; j < count; ++j) {
    weights[j] = Exp(weights[j] - chunk.largest);
    total.Add(j, weights[j]);
    for (int64_t d = 0; d < dim; ++d) chunk.out[d] += weights[j] * values[j * dim + d];
  }
  chunk.total = total.Total();
  return chunk;
}

std::vector<float> PlainRow(const float* query, const float* keys, const float* values,
                            int64_t length, int64_t dim) {
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dim)));
  std::vector<float> scaled(query, query + dim);
  for (float& x : scaled) x *= scale;
  std::vector<Chunk> chunks;
  for (int64_t first = 0; first < length; first += kChunk) {
    chunks.push_back(PlainChunk(scaled, keys + first * dim, values + first * dim,
                                std::min(kChunk, length - first), dim));
  }
  float largest = chunks[0].largest;
  for (const Chunk& chunk : chunks) largest = std::max(largest, chunk.largest);
  float total = 0;
  std::vector<float> out(dim);
  for (const Chunk& chunk : chunks) {
    const float weight = Exp(chunk.largest - largest);
    total += weight * chunk.total;
    for (int64_t d = 0; d < dim; ++d) out[d] += weight * chunk.out[d];
  }
  for (float& x : out) x /= total;
  return out;
}

at::Tensor Plain(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
  const int64_t batch = queries.size(0), heads = queries.size(1), dim = queries.size(3);
  const int64_t group = heads / keys.size(1), length = keys.size(2);
  const at::Tensor q = queries.to(at::kFloat), k = keys.to(at::kFloat), v = values.to(at::kFloat);
  at::Tensor out = at::empty({batch, heads * dim}, at::kFloat);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      const std::vector<float> row =
          PlainRow(q[b][h][0].const_data_ptr<float>(), k[b][h / group].const_data_ptr<float>(),
                   v[b][h / group].const_data_ptr<float>(), length, dim);
      std::copy(row.begin(), row.end(), out[b].narrow(0, h * dim, dim).mutable_data_ptr<float>());
    }
  }
  return out.to(queries.scalar_type());
}

class FlashDecodeTest : public testing::TestWithParam<std::tuple<at::ScalarType, Shape>> {};

TEST_P(FlashDecodeTest, EqualsThePlainForm) {
  const auto& [dtype, s] = GetParam();
  const at::Tensor queries = (Noise({s.batch, s.heads, 1, s.dim}, 1) * 3).to(dtype);
  const std::vector<int64_t> cache = {s.batch, s.kv_heads, s.length, s.dim};
  const at::Tensor keys = Noise(cache, 2).to(dtype), values = Noise(cache, 3).to(dtype);
  EXPECT_TRUE(at::equal(FlashDecode(queries, keys, values), Plain(queries, keys, values)));
}

INSTANTIATE_TEST_SUITE_P(All, FlashDecodeTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                                          testing::Values(Shape{"first", 1, 2, 1, 1, 32},
                                                          Shape{"few", 1, 2, 1, 13, 32},
                                                          Shape{"odd_dim", 1, 2, 2, 70, 10},
                                                          Shape{"more_than_lanes", 1, 1, 1, 45, 28},
                                                          Shape{"chunks", 1, 8, 4, 1300, 32},
                                                          Shape{"batch", 3, 6, 2, 513, 128})),
                         [](const auto& info) {
                           return std::string(at::toString(std::get<0>(info.param))) + "_" +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace forensics::runner
