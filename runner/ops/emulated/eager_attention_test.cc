#include "runner/ops/emulated/eager_attention.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/tensor_core/measured_inputs.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

void Serially(int64_t count, int64_t, absl::FunctionRef<void(int64_t, int64_t)> f) { f(0, count); }

std::vector<float> Floats(const std::vector<uint16_t>& values) {
  std::vector<float> floats(values.size());
  std::transform(values.begin(), values.end(), floats.begin(), Widen);
  return floats;
}

// Rows for each of libtorch's kernels, by digests that were taken on the GPU.
TEST(SoftmaxRowTwin, HasTheGpusBits) {
  std::ifstream file("testdata/hopper/softmax.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  rapidjson::Document document;
  document.Parse(text.c_str());
  ASSERT_FALSE(document.HasParseError());
  ASSERT_GE(document["cases"].Size(), 12u);
  for (const auto& c : document["cases"].GetArray()) {
    const int64_t rows = c["rows"].GetInt64(), columns = c["columns"].GetInt64();
    SCOPED_TRACE(testing::Message() << columns << " columns");
    std::vector<float> values =
        Floats(MeasuredInputs(InputFormat::kBfloat16, c["seed"].GetUint64(), rows * columns, 4));
    for (int64_t row = 0; row < rows; ++row) SoftmaxRowTwin(values.data() + row * columns, columns);
    EXPECT_EQ(schema::Sha256Hex(
                  {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}),
              c["sha256"].GetString());
  }
}

TEST(SoftmaxRowTwin, GivesHiddenColumnsNoWeight) {
  std::vector<float> row(4096, -std::numeric_limits<float>::infinity());
  row[0] = row[4090] = 1;
  SoftmaxRowTwin(row.data(), 4096);
  EXPECT_EQ(row[0], 0.5f);
  EXPECT_EQ(row[4090], 0.5f);
  EXPECT_EQ(row[1], 0);
}

// Attention in float64, of one query of a head.
std::vector<double> Reference(const std::vector<float>& query, const float* keys,
                              const float* values, int64_t count, int64_t dim) {
  std::vector<double> weights(count), output(dim);
  double sum = 0;
  for (int64_t key = 0; key < count; ++key) {
    double score = 0;
    for (int64_t d = 0; d < dim; ++d) score += double{query[d]} * keys[key * dim + d];
    sum += weights[key] = std::exp(score / std::sqrt(static_cast<double>(dim)));
  }
  for (int64_t key = 0; key < count; ++key) {
    for (int64_t d = 0; d < dim; ++d) output[d] += weights[key] / sum * values[key * dim + d];
  }
  return output;
}

// A block of queries, then one more and more keys than a block: no number of keys is special.
TEST(EagerAttentionTwin, AgreesWithFloat64) {
  constexpr int64_t kHeads = 2, kDim = 32;
  for (const int64_t keys : {1, 5, 8, 37, 1027, 2051}) {
    SCOPED_TRACE(testing::Message() << keys << " keys");
    const std::vector<uint16_t> q = MeasuredInputs(InputFormat::kBfloat16, 1, kHeads * keys * kDim);
    const std::vector<uint16_t> k = MeasuredInputs(InputFormat::kBfloat16, 2, keys * kDim);
    const std::vector<uint16_t> v = MeasuredInputs(InputFormat::kBfloat16, 3, keys * kDim);
    std::vector<uint16_t> output(q.size());
    EagerAttentionTwin({kH100TensorCore,
                        InputFormat::kBfloat16,
                        {kHeads, 1, keys, keys, kDim, true},
                        {q.data(), keys * kDim, kDim},
                        {k.data(), keys * kDim, kDim},
                        {v.data(), keys * kDim, kDim},
                        output.data(),
                        nullptr},
                       Serially);
    const std::vector<float> queries = Floats(q), floats_k = Floats(k), floats_v = Floats(v);
    for (const int64_t row : {int64_t{0}, keys / 2, keys - 1, keys + keys / 3, 2 * keys - 1}) {
      const std::vector<double> expected =
          Reference({queries.begin() + row * kDim, queries.begin() + (row + 1) * kDim},
                    floats_k.data(), floats_v.data(), row % keys + 1, kDim);
      for (int64_t d = 0; d < kDim; ++d) {
        EXPECT_NEAR(Widen(output[row * kDim + d]), expected[d], 0.01) << row << ", " << d;
      }
    }
  }
}

}  // namespace
}  // namespace forensics::runner
