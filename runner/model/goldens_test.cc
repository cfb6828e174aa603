// The mini model in float32 against what Hugging Face transformers computes from it.
//
// transformers' own eager and sdpa attention differ by up to 1e-6 in hidden states, 7e-7 in keys
// (relative L2) and 7e-5 in log-probabilities; the bounds below are a small multiple of that.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/safetensors.h"
#include "runner/model/decoder_model.h"
#include "runner/model/recorder.h"
#include "runner/ops/log_probs.h"

namespace forensics::runner {
namespace {

const std::vector<int> kLayers = {1, 2, 4, 12, 13};
constexpr int64_t kPositions = 3;
constexpr int64_t kSteps = 30;

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
  const at::Tensor a = found.to(at::kDouble), b = golden.to(at::kDouble);
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

class GoldensTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto checkpoint = Checkpoint::Open("testdata/mini_qwen3_moe/awq");
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    auto model = DecoderModel::Load(**checkpoint, {at::kFloat, "flash_attention_2"});
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    auto file = SafetensorsFile::Open(
        absl::StrCat("testdata/mini_qwen3_moe/goldens/awq_chat_200_", GetParam(), ".safetensors"));
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
  at::Tensor Run(const at::Tensor& ids, int64_t keep, Observer* observer) {
    auto logits = model_->Forward(ids.to(at::kLong).view({1, -1}), keep, *cache_, observer);
    EXPECT_TRUE(logits.ok()) << logits.status();
    return logits->select(0, 0);
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
  Recorder recorder({kLayers.begin(), kLayers.end()}, kPositions);
  const at::Tensor logits = Run(Golden("input_ids"), kPositions, &recorder);
  ExpectTop(logits, Golden("prefill.top_ids"), Golden("prefill.top_logprobs"), "log-probs");
  for (size_t i = 0; i < kLayers.size(); ++i) {
    const int layer = kLayers[i];
    const std::string at_layer = absl::StrCat(" of layer ", layer);
    ExpectClose(recorder.hidden[layer][0], Golden("prefill.hidden")[i], kHidden,
                "hidden states" + at_layer);
    ExpectClose(ConcatenateHeads(recorder.keys[layer]), Golden("prefill.key")[i], kKeys,
                "keys" + at_layer);
    EXPECT_TRUE(at::equal(recorder.experts[layer], Golden("prefill.experts")[i])) << at_layer;
    ExpectClose(recorder.expert_weights[layer], Golden("prefill.expert_weights")[i], {1e-5, 1e-5},
                "expert weights" + at_layer);
  }
}

TEST_P(GoldensTest, GreedyDecoding) {
  const at::Tensor greedy = Golden("greedy_ids").to(at::kLong);
  at::Tensor logits = Run(Golden("input_ids"), 1, nullptr);
  std::vector<at::Tensor> rows, hidden, keys;
  for (int64_t step = 0; step < kSteps; ++step) {
    rows.push_back(logits[0]);
    const auto chosen = ArgMax(logits);
    ASSERT_TRUE(chosen.ok()) << chosen.status();
    ASSERT_EQ(chosen->front(), greedy[step].item<int64_t>()) << "step " << step;
    if (step + 1 == kSteps) break;
    Recorder recorder({kLayers.begin(), kLayers.end()}, 1);
    logits = Run(greedy[step], 1, &recorder);
    std::vector<at::Tensor> step_hidden, step_keys;
    for (int layer : kLayers) {
      step_hidden.push_back(recorder.hidden[layer][0][0]);
      step_keys.push_back(ConcatenateHeads(recorder.keys[layer])[0]);
    }
    hidden.push_back(at::stack(step_hidden));
    keys.push_back(at::stack(step_keys));
  }
  ExpectTop(at::stack(rows), Golden("greedy.top_ids"), Golden("greedy.top_logprobs"), "log-probs");
  const auto last = [](const std::vector<at::Tensor>& steps) {
    return at::stack(at::TensorList(steps.data() + steps.size() - kPositions, kPositions), 1);
  };
  ExpectClose(last(hidden), Golden("decode.hidden"), kHidden, "hidden states");
  ExpectClose(last(keys), Golden("decode.key"), kKeys, "keys");
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, GoldensTest, testing::Values("eager", "sdpa"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace forensics::runner
