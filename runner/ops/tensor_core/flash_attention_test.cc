#include "runner/ops/tensor_core/flash_attention.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "runner/ops/tensor_core/measured_inputs.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

void Serially(int64_t count, int64_t, absl::FunctionRef<void(int64_t, int64_t)> f) { f(0, count); }

struct Case {
  FlashAttentionShape shape;
  InputFormat format;
  uint64_t seed;
  std::string sha256;
  std::string log_sum_exps_sha256;
};

std::vector<Case> MeasuredCases() {
  std::ifstream file("testdata/hopper/flash_attention.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  rapidjson::Document document;
  document.Parse(text.c_str());
  EXPECT_FALSE(document.HasParseError());
  std::vector<Case> cases;
  for (const auto& c : document["cases"].GetArray()) {
    const int64_t queries = c["queries"].GetInt64();
    cases.push_back({{c["heads"].GetInt64(), c["kv_heads"].GetInt64(), queries,
                      c["keys"].GetInt64(), c["head_dim"].GetInt64(), queries > 1},
                     std::string(c["dtype"].GetString()) == "float16" ? InputFormat::kFloat16
                                                                      : InputFormat::kBfloat16,
                     c["seed"].GetUint64(),
                     c["sha256"].GetString(),
                     c["log_sum_exps_sha256"].GetString()});
  }
  return cases;
}

template <typename T>
std::string Digest(const std::vector<T>& values) {
  return schema::Sha256Hex(
      {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

// Whole outputs, by digests that were taken on the GPUs.
TEST(FlashAttention, HasTheGpusBits) {
  const std::vector<Case> cases = MeasuredCases();
  ASSERT_GE(cases.size(), 8u);
  for (const Case& c : cases) {
    const FlashAttentionShape& s = c.shape;
    SCOPED_TRACE(testing::Message() << s.heads << " heads of " << s.head_dim << ", " << s.kv_heads
                                    << " of keys, " << s.queries << " x " << s.keys);
    const std::vector<uint16_t> q =
        MeasuredInputs(c.format, c.seed, s.heads * s.queries * s.head_dim, 4);
    const std::vector<uint16_t> k =
        MeasuredInputs(c.format, c.seed + 1, s.kv_heads * s.keys * s.head_dim, 4);
    const std::vector<uint16_t> v =
        MeasuredInputs(c.format, c.seed + 2, s.kv_heads * s.keys * s.head_dim, 1);
    const auto plan = PlanFlashAttention(s, kH100TensorCore.multiprocessors);
    ASSERT_TRUE(plan.has_value());
    std::vector<uint16_t> output(q.size());
    std::vector<float> log_sum_exps(s.heads * s.queries);
    FlashAttention({kH100TensorCore,
                    c.format,
                    s,
                    {q.data(), s.queries * s.head_dim, s.head_dim},
                    {k.data(), s.keys * s.head_dim, s.head_dim},
                    {v.data(), s.keys * s.head_dim, s.head_dim},
                    output.data(),
                    log_sum_exps.data()},
                   *plan, Serially);
    EXPECT_EQ(Digest(output), c.sha256);
    EXPECT_EQ(Digest(log_sum_exps), c.log_sum_exps_sha256);
  }
}

int SplitsOnH100(int64_t heads, int64_t keys) {
  return PlanFlashAttention({heads, heads, 1, keys, 128, false}, kH100TensorCore.multiprocessors)
      .value()
      .splits;
}

TEST(FlashAttention, SplitsKeysAsTheGpuWhereEfficienciesTie) {
  // As an H100 divides them: a number's efficiency is 0.85 of the best's but for rounding.
  EXPECT_EQ(SplitsOnH100(11, 12416), 20);
  EXPECT_EQ(SplitsOnH100(53, 10240), 9);
  EXPECT_EQ(SplitsOnH100(106, 5120), 7);
}

TEST(FlashAttention, SplitsNoKeysOnceThreadBlocksFillFourFifthsOfTheGpu) {
  EXPECT_GT(SplitsOnH100(1, 12416), 1);
  EXPECT_GT(SplitsOnH100(131, 12416), 1);
  EXPECT_EQ(SplitsOnH100(212, 12416), 1);  // of 264 places
  EXPECT_EQ(SplitsOnH100(1, 128), 1);      // a single block of keys
}

TEST(FlashAttention, KnowsNoPlanForOtherHeads) {
  EXPECT_FALSE(
      PlanFlashAttention({8, 8, 64, 64, 80, true}, kH100TensorCore.multiprocessors).has_value());
}

}  // namespace
}  // namespace forensics::runner
