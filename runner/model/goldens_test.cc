// Checkpoints in float32 against what Hugging Face transformers computes from them.
//
// On the mini model, transformers' own eager and sdpa attention differ by up to 1e-6 in hidden
// states, 7e-7 in keys (relative L2) and 7e-5 in log-probabilities; the bounds below are a small
// multiple of that. The tiny checkpoints cover what the mini model does not: untied heads, dense
// layers among MoE layers, weights not renormalised, biases, Llama 3's rotary scaling, act-order
// and version 2 in GPTQ, NF4 without double quantisation.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/safetensors.h"
#include "runner/model/cuda_ops.h"
#include "runner/model/decode_graph.h"
#include "runner/model/decoder_model.h"
#include "runner/model/testing/recorder.h"
#include "runner/ops/attention.h"
#include "runner/ops/log_probs.h"

namespace forensics::runner {
namespace {

// goldens_gpu_test is this file, compiled for a GPU.
#ifdef FORENSICS_GOLDENS_ON_GPU
constexpr bool kOnGpu = true;
#else
constexpr bool kOnGpu = false;
#endif

struct GoldenCase {
  std::string name;
  std::string checkpoint;
  std::string goldens;
  std::vector<int> layers;      // those of the goldens, in their order
  std::vector<int> moe_layers;  // likewise, for the router's choice
  std::string attention_impl = "flash_attention_2";
};

std::vector<GoldenCase> Cases() {
  const std::string tiny = "testdata/tiny_checkpoints/", mini = "testdata/mini_qwen3_moe/";
  const std::string prompt = mini + "goldens/awq_chat_200_";
  const std::vector<int> layers = {1, 2, 4, 12, 13};
  std::vector<GoldenCase> cases = {
      {"mini_eager", mini + "awq", prompt + "eager.safetensors", layers, layers},
      {"mini_sdpa", mini + "awq", prompt + "sdpa.safetensors", layers, layers},
      {"mini_libtorch", mini + "awq", prompt + "sdpa.safetensors", layers, layers,
       "flash_attention_libtorch"},
      {"mini_portable", mini + "awq", prompt + "sdpa.safetensors", layers, layers,
       "flash_attention_portable"},
      {"mini_eager_by_eager", mini + "awq", prompt + "eager.safetensors", layers, layers, "eager"}};
  for (const std::string format : {"gptq", "bnb_nf4"}) {
    const std::string goldens = mini + "goldens/" + format + "_chat_200_";
    for (const auto& [of_goldens, impl] : {std::pair{"eager", "eager"},
                                           {"sdpa", "flash_attention_2"},
                                           {"sdpa", "flash_attention_portable"}}) {
      cases.push_back({format + "_" + impl, mini + format, goldens + of_goldens + ".safetensors",
                       layers, layers, impl});
    }
  }
  for (const auto& [name, count, moe] : {std::tuple{"llama", 3, std::vector<int>{}},
                                         {"llama_gptq", 3, std::vector<int>{}},
                                         {"llama_nf4", 3, std::vector<int>{}},
                                         {"qwen3_dense_gptq_v2", 3, std::vector<int>{}},
                                         {"qwen3_dense_nf4", 3, std::vector<int>{}},
                                         {"qwen3_dense", 3, std::vector<int>{}},
                                         {"qwen3_moe_untied", 4, std::vector<int>{0, 2, 3}}}) {
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    cases.push_back({name, tiny + name, tiny + name + "/goldens.safetensors", all, moe});
  }
  const auto is_missing = [](const GoldenCase& c) {
    return !FindAttention(c.attention_impl, kOnGpu ? at::kCUDA : at::kCPU).ok();
  };
  cases.erase(std::remove_if(cases.begin(), cases.end(), is_missing), cases.end());
  return cases;
}

absl::StatusOr<std::unique_ptr<DecoderModel>> LoadModel(const Checkpoint& checkpoint,
                                                        at::ScalarType dtype,
                                                        const std::string& attention_impl) {
  ModelOptions options = {dtype, attention_impl};
  if (kOnGpu) {
    options.device = at::kCUDA;
    options.ops = std::make_shared<CudaOps>(checkpoint.config());
  }
  return DecoderModel::Load(checkpoint, options);
}

struct Tolerance {
  double relative_l2;
  double largest;  // absolute difference of an element
};
constexpr Tolerance kHidden = {3e-6, 6e-4};
constexpr Tolerance kKeys = {3e-6, 3e-5};
constexpr Tolerance kLogProbs = {4e-6, 2e-4};

// Different kernels must show: bit-equal floats would mean that nothing was compared.
void ExpectClose(const at::Tensor& found, const at::Tensor& golden, const Tolerance& tolerance,
                 const std::string& what) {
  ASSERT_EQ(found.sizes(), golden.sizes()) << what;
  const at::Tensor a = found.cpu().to(at::kDouble), b = golden.to(at::kDouble);
  const double distance = (a - b).norm().item<double>() / b.norm().item<double>();
  const double largest = (a - b).abs().max().item<double>();
  EXPECT_LT(distance, tolerance.relative_l2) << what;
  EXPECT_LT(largest, tolerance.largest) << what;
  EXPECT_GT(largest, 0) << what;
}

// [positions, kv_heads * head_dim] of the first sequence.
at::Tensor ConcatenateHeads(const at::Tensor& keys) {
  return keys.select(0, 0).transpose(0, 1).flatten(1);
}

// What single-token passes left, by step.
class DecodeSteps {
 public:
  void Add(Recorder& recorder, const std::vector<int>& layers) {
    std::vector<at::Tensor> hidden, keys;
    for (const int layer : layers) {
      hidden.push_back(recorder.hidden[layer][0][0]);
      keys.push_back(ConcatenateHeads(recorder.keys[layer])[0]);
    }
    hidden_.push_back(at::stack(hidden));
    keys_.push_back(at::stack(keys));
  }

  // The goldens keep the last of these steps.
  void ExpectLastClose(const at::Tensor& golden_hidden, const Tolerance& of_hidden,
                       const at::Tensor& golden_keys, const Tolerance& of_keys) const {
    ExpectClose(Last(hidden_, golden_hidden), golden_hidden, of_hidden, "hidden states");
    ExpectClose(Last(keys_, golden_keys), golden_keys, of_keys, "keys");
  }

 private:
  static at::Tensor Last(const std::vector<at::Tensor>& steps, const at::Tensor& golden) {
    return at::stack(steps, 1).narrow(1, steps.size() - golden.size(1), golden.size(1));
  }

  std::vector<at::Tensor> hidden_, keys_;  // [layers, width] each
};

class GoldensTest : public testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    auto checkpoint = Checkpoint::Open(GetParam().checkpoint);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    auto model = LoadModel(**checkpoint, at::kFloat, GetParam().attention_impl);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto file = SafetensorsFile::Open(GetParam().goldens);
    ASSERT_TRUE(file.ok()) << file.status();
    goldens_ = std::make_unique<SafetensorsFile>(*std::move(file));
    auto cache = model_->NewCache(1, 256);
    ASSERT_TRUE(cache.ok()) << cache.status();
    cache_ = std::make_unique<KvCache>(*std::move(cache));
  }

  at::Tensor Golden(const std::string& name) const {
    auto tensor = goldens_->Read(name);
    EXPECT_TRUE(tensor.ok()) << tensor.status();
    return tensor->clone();
  }

  // [keep, vocab]
  at::Tensor Feed(const at::Tensor& ids, int64_t keep, Observer* observer) {
    auto logits = model_->Forward(ids.to(at::kLong).view({1, -1}), keep, *cache_, observer);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits->select(0, 0);
  }

  Recorder NewRecorder(int64_t positions) const {
    return Recorder({GetParam().layers.begin(), GetParam().layers.end()}, positions);
  }

  void ExpectTop(const at::Tensor& logits, const at::Tensor& ids, const at::Tensor& log_probs,
                 const std::string& what) {
    const auto top = TopLogProbs(logits, ids.size(1));
    ASSERT_TRUE(top.ok()) << top.status();
    EXPECT_TRUE(at::equal(top->ids, ids.to(at::kLong))) << what;
    ExpectClose(top->log_probs, log_probs, kLogProbs, what);
  }

  std::unique_ptr<DecoderModel> model_;
  std::unique_ptr<SafetensorsFile> goldens_;
  std::unique_ptr<KvCache> cache_;
};

TEST_P(GoldensTest, Prefill) {
  const int64_t positions = Golden("prefill.hidden").size(1);
  Recorder recorder = NewRecorder(positions);
  const at::Tensor logits = Feed(Golden("input_ids"), positions, &recorder);
  ExpectTop(logits, Golden("prefill.top_ids"), Golden("prefill.top_logprobs"), "log-probs");
  for (size_t i = 0; i < GetParam().layers.size(); ++i) {
    const int layer = GetParam().layers[i];
    const std::string at_layer = absl::StrCat(" of layer ", layer);
    ExpectClose(recorder.hidden[layer][0], Golden("prefill.hidden")[i], kHidden,
                "hidden states" + at_layer);
    ExpectClose(ConcatenateHeads(recorder.keys[layer]), Golden("prefill.key")[i], kKeys,
                "keys" + at_layer);
  }
  EXPECT_EQ(recorder.experts.size(), GetParam().moe_layers.size());
  for (size_t i = 0; i < GetParam().moe_layers.size(); ++i) {
    const int layer = GetParam().moe_layers[i];
    EXPECT_TRUE(at::equal(recorder.experts[layer].cpu(), Golden("prefill.experts")[i])) << layer;
    ExpectClose(recorder.expert_weights[layer], Golden("prefill.expert_weights")[i], {1e-5, 1e-5},
                absl::StrCat("expert weights of layer ", layer));
  }
}

TEST_P(GoldensTest, GreedyDecoding) {
  const at::Tensor greedy = Golden("greedy_ids").to(at::kLong);
  at::Tensor logits = Feed(Golden("input_ids"), 1, nullptr);
  std::vector<at::Tensor> rows;
  DecodeSteps steps;
  for (int64_t step = 0; step < greedy.size(0); ++step) {
    rows.push_back(logits[0]);
    const auto chosen = ArgMax(logits);
    ASSERT_TRUE(chosen.ok()) << chosen.status();
    ASSERT_EQ(chosen->front(), greedy[step].item<int64_t>()) << "step " << step;
    if (step + 1 == greedy.size(0)) break;
    Recorder recorder = NewRecorder(1);
    logits = Feed(greedy[step], 1, &recorder);
    steps.Add(recorder, GetParam().layers);
  }
  ExpectTop(at::stack(rows), Golden("greedy.top_ids"), Golden("greedy.top_logprobs"), "log-probs");
  steps.ExpectLastClose(Golden("decode.hidden"), kHidden, Golden("decode.key"), kKeys);
}

// On a GPU the decode step of 4-bit MoE models is a captured graph of our own kernels, in bfloat16
// alone. The distance from float32 is that of bfloat16: two-sided, as an exact match would mean
// that float32 was compared with itself.
class GraphTest : public GoldensTest {};

TEST_P(GraphTest, DecodesLikeTheGoldens) {
  auto checkpoint = Checkpoint::Open(GetParam().checkpoint);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  auto model = LoadModel(**checkpoint, at::kBFloat16, GetParam().attention_impl);
  ASSERT_TRUE(model.ok()) << model.status();
  auto cache = (*model)->NewCache(1, 256);
  ASSERT_TRUE(cache.ok()) << cache.status();
  const std::unique_ptr<DecodeGraph> graph = (*model)->NewDecodeGraph(*cache);
  ASSERT_NE(graph, nullptr);
  const at::Tensor greedy = Golden("greedy_ids").to(at::kLong).view({-1, 1, 1});
  const at::Tensor prompt = Golden("input_ids").to(at::kLong).view({1, -1});
  DecodeSteps steps;
  const auto decode = [&](const at::Tensor& ids) {
    Recorder recorder = NewRecorder(1);
    const at::Tensor logits = graph->Step(ids, *cache, &recorder);
    cache->Advance(1);
    steps.Add(recorder, GetParam().layers);
    return logits.cpu();
  };
  at::Tensor first;
  for (int repeat = 0; repeat < 3; ++repeat) {
    cache->Clear();
    steps = {};
    ASSERT_TRUE((*model)->Forward(prompt, 1, *cache, nullptr).ok());
    at::Tensor last;
    for (int64_t step = 0; step + 1 < greedy.size(0); ++step) last = decode(greedy[step]);
    if (repeat == 0) first = last.clone();
    EXPECT_TRUE(at::equal(first, last)) << "repeat " << repeat;
  }
  constexpr Tolerance kBFloat16Hidden = {5e-2, 60}, kBFloat16Keys = {5e-2, 2};
  steps.ExpectLastClose(Golden("decode.hidden"), kBFloat16Hidden, Golden("decode.key"),
                        kBFloat16Keys);
}

std::vector<GoldenCase> GraphCases() {
  std::vector<GoldenCase> cases;
  for (const GoldenCase& c : Cases()) {
    if (kOnGpu && c.checkpoint.find("mini_qwen3_moe") != std::string::npos) cases.push_back(c);
  }
  return cases;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GraphTest);
INSTANTIATE_TEST_SUITE_P(HuggingFace, GraphTest, testing::ValuesIn(GraphCases()),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(HuggingFace, GoldensTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace forensics::runner
