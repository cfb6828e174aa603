// The mini model with compiled parts: what Hugging Face transformers computes, within the bounds of
// the uncompiled model (runner/model/goldens_test.cc), each time the same bits, and other bits than
// without compilation.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/safetensors.h"
#include "runner/compile/compiled_ops.h"
#include "runner/compile/package_key.h"
#include "runner/compile/testing/device.h"
#include "runner/model/cuda_ops.h"
#include "runner/model/decoder_model.h"
#include "runner/model/testing/recorder.h"
#include "runner/ops/log_probs.h"

namespace forensics::runner {
namespace {

const Checkpoint& Mini() {
  static const Checkpoint& checkpoint =
      *Checkpoint::Open("testdata/mini_qwen3_moe/awq").value().release();
  return checkpoint;
}

// The mini model, loaded once.
const DecoderModel& Model(at::ScalarType dtype, bool compile) {
  static auto& models =
      *new std::map<std::pair<at::ScalarType, bool>, std::unique_ptr<DecoderModel>>;
  auto& model = models[{dtype, compile}];
  if (model != nullptr) return *model;
  ModelOptions options;
  options.dtype = dtype;
  options.device = kTestDevice;
  if (compile) {
    PackageKey key =
        PackageKey::Of(Mini().config(), Sharding{}, dtype == at::kFloat ? "float32" : "bfloat16");
    key.device = TestPackageDevice();
    options.ops = LoadCompiledOps(MiniPackages(), key).value();
  } else if (kTestDevice == at::kCUDA) {
    options.ops = std::make_shared<CudaOps>(Mini().config());
  }
  model = DecoderModel::Load(Mini(), options).value();
  return *model;
}

double RelativeL2(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor a = found.cpu().to(at::kDouble), b = expected.cpu().to(at::kDouble);
  return (a - b).norm().item<double>() / b.norm().item<double>();
}

// Everything that a prefill and three decode steps show of two sequences.
struct Signals {
  std::vector<at::Tensor> logits, hidden, keys;
};

Signals Show(const DecoderModel& model) {
  Signals signals;
  KvCache cache = model.NewCache(2, 128).value();
  const std::set<int> layers = {1, 4, 13};
  for (const int64_t tokens : {100, 1, 1, 1}) {
    const at::Tensor ids =
        ((at::arange(2 * tokens, at::kLong) + 7) * 2654435761 % 4001).view({2, tokens});
    Recorder recorder(layers, tokens);
    signals.logits.push_back(model.Forward(ids, 1, cache, &recorder).value());
    for (const int layer : layers) {
      signals.hidden.push_back(recorder.hidden[layer]);
      signals.keys.push_back(recorder.keys[layer]);
    }
  }
  return signals;
}

class CompiledModelTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(CompiledModelTest, ThreeRunsHaveIdenticalBits) {
  const Signals first = Show(Model(GetParam(), true));
  for (int repetition = 1; repetition < 3; ++repetition) {
    const Signals again = Show(Model(GetParam(), true));
    for (const auto& [a, b] : {std::pair{first.logits, again.logits},
                               {first.hidden, again.hidden},
                               {first.keys, again.keys}}) {
      for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
    }
  }
}

TEST_P(CompiledModelTest, DiffersFromTheUncompiledModelByRoundingsOnly) {
  const Signals compiled = Show(Model(GetParam(), true)), plain = Show(Model(GetParam(), false));
  // What one rounding grows to in 14 layers (runner/model/decoder_model_test.cc).
  const double most = GetParam() == at::kFloat ? 1e-5 : 0.3;
  for (const auto& [a, b] : {std::pair{compiled.logits, plain.logits},
                             {compiled.hidden, plain.hidden},
                             {compiled.keys, plain.keys}}) {
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_LT(RelativeL2(a[i], b[i]), most) << i;
      EXPECT_FALSE(at::equal(a[i], b[i])) << i << ": the axis must be real";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, CompiledModelTest, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

class CompiledGoldensTest : public testing::TestWithParam<const char*> {
 protected:
  at::Tensor Golden(const std::string& name) const {
    return SafetensorsFile::Open(absl::StrCat("testdata/mini_qwen3_moe/goldens/awq_chat_200_",
                                              GetParam(), ".safetensors"))
        .value()
        .Read(name)
        .value()
        .clone();
  }
  const DecoderModel& model_ = Model(at::kFloat, true);
  KvCache cache_ = model_.NewCache(1, 256).value();
};

TEST_P(CompiledGoldensTest, Prefill) {
  const std::vector<int> layers = {1, 2, 4, 12, 13};
  const int64_t positions = Golden("prefill.hidden").size(1);
  Recorder recorder({layers.begin(), layers.end()}, positions);
  const at::Tensor ids = Golden("input_ids").to(at::kLong).view({1, -1});
  const at::Tensor logits = model_.Forward(ids, positions, cache_, &recorder).value();
  for (size_t i = 0; i < layers.size(); ++i) {
    const int layer = layers[i];
    const at::Tensor keys = recorder.keys[layer].select(0, 0).transpose(0, 1).flatten(1);
    for (const auto& [found, golden] :
         {std::pair{recorder.hidden[layer][0], Golden("prefill.hidden")[i]},
          {keys, Golden("prefill.key")[i]}}) {
      EXPECT_LT(RelativeL2(found, golden), 3e-6) << "layer " << layer;
      EXPECT_GT(RelativeL2(found, golden), 1e-9) << "layer " << layer;
    }
    EXPECT_TRUE(at::equal(recorder.experts[layer].cpu(), Golden("prefill.experts")[i])) << layer;
  }
  const at::Tensor top_ids = Golden("prefill.top_ids");
  const TopTokens top = TopLogProbs(logits[0], top_ids.size(1)).value();
  EXPECT_TRUE(at::equal(top.ids, top_ids.to(at::kLong)));
  EXPECT_LT(RelativeL2(top.log_probs, Golden("prefill.top_logprobs")), 4e-6);
}

TEST_P(CompiledGoldensTest, GreedyDecoding) {
  const at::Tensor greedy = Golden("greedy_ids").to(at::kLong);
  const at::Tensor prompt = Golden("input_ids").to(at::kLong).view({1, -1});
  at::Tensor logits = model_.Forward(prompt, 1, cache_, nullptr).value();
  for (int64_t step = 0; step < greedy.size(0); ++step) {
    ASSERT_EQ(ArgMax(logits[0]).value().front(), greedy[step].item<int64_t>()) << step;
    logits = model_.Forward(greedy[step].view({1, 1}), 1, cache_, nullptr).value();
  }
}

INSTANTIATE_TEST_SUITE_P(HuggingFace, CompiledGoldensTest, testing::Values("eager", "sdpa"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace forensics::runner
