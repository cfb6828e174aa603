// What every decoder must keep to, whatever its dtype: determinism, the same answer however the
// tokens are fed, and clear refusals. Agreement with Hugging Face is in goldens_test.cc.
#include "runner/model/decoder_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runner/checkpoint/checkpoint.h"
#include "runner/model/cuda_ops.h"
#include "runner/model/reference_ops.h"
#include "runner/model/testing/recorder.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

const Checkpoint& Mini() {
  static const Checkpoint& checkpoint =
      *Checkpoint::Open("testdata/mini_qwen3_moe/awq").value().release();
  return checkpoint;
}

// The mini model in `dtype`; loaded once.
const DecoderModel& Model(at::ScalarType dtype) {
  static auto& models = *new std::map<at::ScalarType, std::unique_ptr<DecoderModel>>;
  auto& model = models[dtype];
  if (model == nullptr) model = DecoderModel::Load(Mini(), {dtype, "flash_attention_2"}).value();
  return *model;
}

KvCache NewCache(const DecoderModel& model, int64_t batch, int64_t capacity = 256) {
  return model.NewCache(batch, capacity).value();
}

// [1, count] ids without a pattern; `seed` picks the sequence.
at::Tensor Ids(int64_t count, int64_t seed = 0) {
  return ((at::arange(count, at::kLong) + seed * 1000) * 2654435761 % 4001).view({1, count});
}

at::Tensor Feed(const DecoderModel& model, const at::Tensor& ids, int64_t keep, KvCache& cache,
                Observer* observer = nullptr) {
  return model.Forward(ids, keep, cache, observer).value();
}

double RelativeL2(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor a = found.to(at::kDouble), b = expected.to(at::kDouble);
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

struct Precision {
  at::ScalarType dtype;
  double epsilon;       // what one rounding of a model of 14 layers grows to, relative L2
  double from_float32;  // upper bound of the distance from the float32 model
};

class PrecisionTest : public testing::TestWithParam<Precision> {
 protected:
  const DecoderModel& model() const { return Model(GetParam().dtype); }
};

TEST_P(PrecisionTest, TwoRunsHaveIdenticalBits) {
  std::vector<at::Tensor> prefills, steps, hidden;
  for (int run = 0; run < 2; ++run) {
    KvCache cache = NewCache(model(), 2);
    Recorder recorder({0, 13}, 100);
    prefills.push_back(Feed(model(), at::cat({Ids(100), Ids(100, 1)}), 100, cache, &recorder));
    steps.push_back(Feed(model(), at::cat({Ids(1, 2), Ids(1, 3)}), 1, cache));
    hidden.push_back(at::cat({recorder.hidden[0], recorder.hidden[13]}));
  }
  EXPECT_TRUE(at::equal(prefills[0], prefills[1]));
  EXPECT_TRUE(at::equal(steps[0], steps[1]));
  EXPECT_TRUE(at::equal(hidden[0], hidden[1]));
}

TEST_P(PrecisionTest, AnObserverChangesNothing) {
  KvCache watched = NewCache(model(), 1), alone = NewCache(model(), 1);
  Recorder recorder({1, 13}, 3);
  const at::Tensor a = Feed(model(), Ids(60), 60, watched, &recorder);
  EXPECT_TRUE(at::equal(a, Feed(model(), Ids(60), 60, alone)));
  EXPECT_EQ(recorder.hidden.size(), 2);
  EXPECT_EQ(recorder.keys[13].sizes(), at::IntArrayRef({1, 4, 3, 32}));
  EXPECT_EQ(recorder.hidden[1].scalar_type(), GetParam().dtype);
}

TEST_P(PrecisionTest, PiecesGiveWhatOnePrefillGives) {
  KvCache whole_cache = NewCache(model(), 1), cache = NewCache(model(), 1);
  const at::Tensor ids = Ids(120);
  const at::Tensor whole = Feed(model(), ids, 120, whole_cache);
  std::vector<at::Tensor> pieces;
  int64_t begin = 0;
  for (int64_t count : {70, 1, 1, 40, 7, 1}) {  // prefill, decoding, prefill over a filled cache
    pieces.push_back(Feed(model(), ids.narrow(1, begin, count), count, cache));
    begin += count;
  }
  EXPECT_EQ(cache.length(), 120);
  const double distance = RelativeL2(at::cat(pieces, 1), whole);
  EXPECT_LT(distance, GetParam().epsilon);
  EXPECT_GT(distance, GetParam().epsilon / 1000);
}

TEST_P(PrecisionTest, ASequenceIsTheSameAmongNeighbours) {
  KvCache alone_cache = NewCache(model(), 1), batch_cache = NewCache(model(), 3);
  const at::Tensor alone = Feed(model(), Ids(90), 3, alone_cache);
  const at::Tensor batch =
      Feed(model(), at::cat({Ids(90), Ids(90, 1), Ids(90, 2)}), 3, batch_cache);
  EXPECT_LT(RelativeL2(batch[0], alone[0]), GetParam().epsilon);
  EXPECT_GT(RelativeL2(batch[1], alone[0]), 0.1) << "neighbours must not be copies";
  const at::Tensor next = Feed(model(), Ids(1, 5), 1, alone_cache);
  const at::Tensor next_batch =
      Feed(model(), at::cat({Ids(1, 5), Ids(1, 6), Ids(1, 7)}), 1, batch_cache);
  EXPECT_LT(RelativeL2(next_batch[0], next[0]), GetParam().epsilon);
}

TEST_P(PrecisionTest, AClearedCacheIsANewOne) {
  KvCache cache = NewCache(model(), 1);
  const at::Tensor first = Feed(model(), Ids(50), 1, cache);
  Feed(model(), Ids(9, 4), 1, cache);
  cache.Clear();
  EXPECT_TRUE(at::equal(Feed(model(), Ids(50), 1, cache), first));
}

TEST_P(PrecisionTest, DistanceFromFloat32) {
  if (GetParam().dtype == at::kFloat) GTEST_SKIP() << "float32 is the reference";
  KvCache cache = NewCache(model(), 1), reference_cache = NewCache(Model(at::kFloat), 1);
  const at::Tensor logits = Feed(model(), Ids(100), 20, cache);
  EXPECT_EQ(logits.scalar_type(), GetParam().dtype);
  const double distance =
      RelativeL2(logits, Feed(Model(at::kFloat), Ids(100), 20, reference_cache));
  EXPECT_LT(distance, GetParam().from_float32);
  EXPECT_GT(distance, GetParam().from_float32 / 100);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, PrecisionTest,
                         testing::Values(Precision{at::kFloat, 3e-6, 0},
                                         Precision{at::kBFloat16, 5e-2, 5e-2},
                                         Precision{at::kHalf, 5e-3, 5e-3}),
                         [](const auto& info) { return c10::toString(info.param.dtype); });

TEST(DecoderModelTest, LoadReportsEachLayer) {
  std::vector<int64_t> seen;
  const auto model = DecoderModel::Load(Mini(), {at::kBFloat16, "flash_attention_2"},
                                        [&](int64_t done, int64_t total) {
                                          EXPECT_EQ(total, 14);
                                          seen.push_back(done);
                                        });
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
}

TEST(DecoderModelTest, RefusesUnknownOptions) {
  const auto attention = DecoderModel::Load(Mini(), {at::kFloat, "flash"});
  EXPECT_EQ(attention.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(attention.status().message(),
              testing::AllOf(HasSubstr("flash_attention_2"), HasSubstr("found \"flash\"")));
  const auto dtype = DecoderModel::Load(Mini(), {at::kDouble, "flash_attention_2"});
  EXPECT_EQ(dtype.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(dtype.status().message(), HasSubstr("found Double"));
}

TEST(DecoderModelTest, RefusesBadInput) {
  const DecoderModel& model = Model(at::kFloat);
  KvCache cache = NewCache(model, 2, 8);
  struct Case {
    at::Tensor ids;
    int64_t keep;
    absl::StatusCode code;
    std::string message;
  };
  using Code = absl::StatusCode;
  const at::Tensor good = at::zeros({2, 4}, at::kLong);
  at::Tensor late = good.clone(), negative = good.clone();
  late[1][2] = 4096;
  negative[0][3] = -1;
  const std::vector<Case> cases = {
      {late, 1, Code::kInvalidArgument, "token_ids[1][2]: expected 0 to 4095, found 4096"},
      {negative, 1, Code::kInvalidArgument, "token_ids[0][3]: expected 0 to 4095, found -1"},
      {good.to(at::kInt), 1, Code::kInvalidArgument, "found Int"},
      {good[0], 1, Code::kInvalidArgument, "1 dimensions"},
      {good.narrow(0, 0, 1), 1, Code::kInvalidArgument, "expected int64 [2, tokens]"},
      {good.narrow(1, 0, 0), 1, Code::kInvalidArgument, "0 elements"},
      {good, 0, Code::kInvalidArgument, "logits_to_keep: expected 1 to 4, found 0"},
      {good, 5, Code::kInvalidArgument, "logits_to_keep: expected 1 to 4, found 5"},
      {at::zeros({2, 9}, at::kLong), 1, Code::kOutOfRange, "capacity 8, held 0), found 9"},
  };
  for (const Case& c : cases) {
    const auto logits = model.Forward(c.ids, c.keep, cache, nullptr);
    EXPECT_EQ(logits.status().code(), c.code) << c.message;
    EXPECT_THAT(logits.status().message(), HasSubstr(c.message));
    EXPECT_EQ(cache.length(), 0);
  }
  ASSERT_TRUE(model.Forward(good, 1, cache, nullptr).ok());
  ASSERT_TRUE(model.Forward(good, 1, cache, nullptr).ok()) << "exactly full";
  EXPECT_EQ(model.Forward(good, 1, cache, nullptr).status().code(), Code::kOutOfRange);
  EXPECT_EQ(cache.length(), 8);
}

TEST(DecoderModelTest, RefusesBadCaches) {
  const DecoderModel& model = Model(at::kFloat);
  for (auto [batch, capacity, message] :
       {std::tuple{0, 8, "batch: expected at least 1, found 0"},
        {1, 0, "expected 1 to 8192 positions (max_position_embeddings), found 0"},
        {1, 8193, "found 8193"}}) {
    const auto cache = model.NewCache(batch, capacity);
    EXPECT_EQ(cache.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(cache.status().message(), HasSubstr(message));
  }
}

TEST(DecoderModelTest, AngleTablesAreAsLongAsTheCache) {
  ModelConfig config = Mini().config();
  config.max_position_embeddings = std::numeric_limits<int32_t>::max();  // what a config may claim
  const auto table = [&](int64_t capacity) {
    return KvCache::Create(config, /*kv_heads=*/4, /*batch=*/1, capacity, at::kBFloat16)->rotary();
  };
  const RotaryTable small = table(16), large = table(100);
  EXPECT_EQ(small.cos.sizes(), at::IntArrayRef({16, config.head_dim / 2}));
  EXPECT_TRUE(at::equal(small.cos, large.cos.narrow(0, 0, 16)));
  EXPECT_TRUE(at::equal(small.sin, large.sin.narrow(0, 0, 16)));
  EXPECT_TRUE(at::equal(large.sin, large.sin.to(at::kBFloat16).to(at::kFloat))) << "rounded";
}

TEST(CudaOpsTest, RefusesModelsThatItsKernelsHaveNoRoomFor) {
  ModelConfig config = Mini().config();
  EXPECT_TRUE(CudaOps::Check(config).ok());
  config.num_experts = 512;
  EXPECT_EQ(CudaOps::Check(config).code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(CudaOps::Check(config).message(),
              HasSubstr("num_experts: a GPU's kernels expect at most 256, found 512"));
  config.head_dim = 514;
  EXPECT_THAT(CudaOps::Check(config).message(), HasSubstr("head_dim"));
}

TEST(DecoderModelTest, SettingsNameTheKernels) {
  const auto settings = SettingsOf(Model(at::kBFloat16).config(), Model(at::kBFloat16).options());
  EXPECT_THAT(settings.at("attention_kernel"), HasSubstr("libtorch"));
  EXPECT_THAT(settings.at("linear_kernel"), HasSubstr("16 lanes"));
}

// Experiment 2 is confounded where its reference decodes by a graph.
TEST(DecoderModelTest, SettingsSayWhetherAGpuDecodesByAGraph) {
  ModelOptions options;
  ModelConfig config = Mini().config();
  const auto decode_graph = [&] {
    const auto settings = SettingsOf(config, options);
    const auto found = settings.find("decode_graph");
    return found == settings.end() ? "not said" : found->second;
  };
  EXPECT_EQ(decode_graph(), "not said") << "a CPU has none";
  options.device = at::kCUDA;
  options.ops = std::make_shared<ReferenceOps>(Mini().config());
  EXPECT_EQ(decode_graph(), "no") << "not with operations that it does not know";
  options.ops = std::make_shared<CudaOps>(Mini().config());
  options.decode_graph = false;
  EXPECT_EQ(decode_graph(), "no") << "not against the options";
  options.decode_graph = true;
  config.quant.group_size = 64;
  EXPECT_EQ(decode_graph(), "no") << "not where groups are smaller than a tile's";
  config = Mini().config();
  config.num_hidden_layers = 127;
  EXPECT_EQ(decode_graph(), "no") << "not where the kernels could not tell layers apart";
}

}  // namespace
}  // namespace forensics::runner
