// Whole runs of an H100 and an H200, computed again on the CPU.
#include "runner/engine/emulated_language_model.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/engine/generation.h"
#include "runner/ops/emulated/arithmetic.h"
#include "runner/ops/parallel.h"
#include "schema/run_directory.h"
#include "schema/shard.h"
#include "schema/stored_repetition.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

constexpr char kCheckpoint[] = "testdata/mini_qwen3_moe/awq";

schema::RunConfig EmulatedConfig() {
  schema::RunConfig config;
  config.set_dtype("bfloat16");
  config.set_device("cpu");
  config.set_batch_size(1);
  config.set_quant_method("awq");
  config.set_attention_impl("flash_attention_2");
  config.set_tp_size(1);
  config.set_ep_size(1);
  return config;
}

void ExpectSameSignals(const schema::PositionRecord& found,
                       const schema::PositionRecord& expected) {
  for (int layer = 0; layer < expected.layers_size(); ++layer) {
    EXPECT_EQ(found.layers(layer).key().data(), expected.layers(layer).key().data())
        << "layer " << expected.layers(layer).layer();
    EXPECT_EQ(found.layers(layer).hidden_state().data(),
              expected.layers(layer).hidden_state().data())
        << "layer " << expected.layers(layer).layer();
  }
  EXPECT_EQ(found.top_log_probs().log_probs().data(), expected.top_log_probs().log_probs().data());
}

// A run of a GPU (testdata/hopper/README.md says how it was made).
struct StoredRun {
  const char* name;  // of its directory
  const char* checkpoint;
  bool decode_graph;
  TensorCore core = kH100TensorCore;
};

class StoredRuns : public testing::TestWithParam<StoredRun> {};

TEST_P(StoredRuns, AreComputedAgainBitForBit) {
  const schema::RunDirectory directory(absl::StrCat("testdata/hopper/runs/", GetParam().name));
  const auto manifest = directory.ReadManifest();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const auto stored = schema::ReadStoredRepetition(directory, *manifest, 2);
  ASSERT_TRUE(stored.ok()) << stored.status();
  const auto checkpoint =
      Checkpoint::Open(absl::StrCat("testdata/mini_qwen3_moe/", GetParam().checkpoint));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();

  GenerationInput input;
  const auto& ids = manifest->prompt().token_ids();
  input.prompts = {{ids.begin(), ids.end()}};
  input.decode_steps = static_cast<int>(stored->steps.size());
  input.extraction = manifest->extraction();
  input.token_text = [](int64_t id) { return absl::StrCat(id); };
  // What it was fed, it has.
  if (manifest->decoding().forced()) input.reference = &*stored;
  schema::RunConfig config = manifest->config();
  config.set_device("cpu");
  const auto model =
      EmulatedLanguageModel::Create(**checkpoint, config, GetParam().core, GetParam().decode_graph);
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE((*model)->LoadWeights({}).ok());
  const auto emulated = Generate(**model, input);
  ASSERT_TRUE(emulated.ok()) << emulated.status();

  ASSERT_EQ(emulated->positions.size(), stored->positions.size());
  for (size_t i = 0; i < stored->positions.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "position " << i);
    ExpectSameSignals(emulated->positions[i], stored->positions[i]);
  }
  EXPECT_EQ(emulated->footer.signals_sha256(), stored->footer.signals_sha256());
}

INSTANTIATE_TEST_SUITE_P(Hopper, StoredRuns,
                         testing::Values(StoredRun{"mini_awq", "awq", true},
                                         StoredRun{"mini_awq_h200", "awq", true, kH200TensorCore},
                                         StoredRun{"mini_awq_no_graph", "awq", false},
                                         StoredRun{"mini_awq_eager", "awq", true},
                                         StoredRun{"mini_awq_eager_long", "awq", false},
                                         StoredRun{"mini_gptq", "gptq", true},
                                         StoredRun{"mini_nf4", "bnb_nf4", true},
                                         StoredRun{"mini_nf4_no_graph", "bnb_nf4", false}),
                         [](const auto& info) { return std::string(info.param.name); });

struct VersionedRun {
  TensorCore core;
  const char* checkpoint;
  const char* attention;
  const char* sha256;
};

// The signals of short runs. Where one is another, an emulated run's bits are: raise kTwinsVersion
// (runner/ops/emulated/arithmetic.h) and put version and digests here. An H100 decodes by its
// captured step, the others operator by operator.
TEST(EmulatedLanguageModel, HasTheBitsOfItsVersion) {
  EXPECT_EQ(kTwinsVersion, 1);
  const VersionedRun runs[] = {
      {kAmpereTensorCore, "awq", "flash_attention_2",
       "06464a816014aed9ff91cc6af7839b59caac139cc548cb7b4a2dbe9ac6d039ba"},
      {kAmpereTensorCore, "bnb_nf4", "eager",
       "07cdf5cc13962faa94f465a2d9524a22c8a9663e9683324f68ec7503f2ed778e"},
      {kH100TensorCore, "awq", "flash_attention_2",
       "bfcce960a8487a3d27e3ba071803ffa8546069e5c305ce8f4d3dec50c2e4b86b"},
      {kH100TensorCore, "bnb_nf4", "eager",
       "3f5078ae52bd3578f886dcf0a5d76f8e6c18706897e527c97b02296db1f3ace4"},
      {kBlackwellTensorCore, "awq", "flash_attention_2",
       "80c35561b437845b934b47ea9e4b3beb78ce6076ef5ea253a100a4a2457cd19e"},
      {kBlackwellTensorCore, "gptq", "eager",
       "670d969d553ca73355526847c91a7b845f18bd17fd02f3acf1f0eed40392a2b1"},
  };
  GenerationInput input;
  input.prompts = {{}};
  for (int64_t i = 0; i < 40; ++i) input.prompts[0].push_back(i * 97 % 4096);
  input.decode_steps = 4;
  input.extraction.add_layers(1);
  input.extraction.add_layers(13);
  input.extraction.set_window(3);
  input.extraction.set_top_k_logprobs(10);
  input.token_text = [](int64_t id) { return absl::StrCat(id); };
  for (const VersionedRun& expected : runs) {
    SCOPED_TRACE(testing::Message()
                 << expected.core.gpu << ", " << expected.checkpoint << ", " << expected.attention);
    const auto checkpoint =
        Checkpoint::Open(absl::StrCat("testdata/mini_qwen3_moe/", expected.checkpoint));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    schema::RunConfig config = EmulatedConfig();
    config.set_attention_impl(expected.attention);
    const auto model = EmulatedLanguageModel::Create(**checkpoint, config, expected.core, true);
    ASSERT_TRUE(model.ok()) << model.status();
    ASSERT_TRUE((*model)->LoadWeights({}).ok());
    const auto run = Generate(**model, input);
    ASSERT_TRUE(run.ok()) << run.status();
    EXPECT_EQ(run->footer.signals_sha256(), expected.sha256);
  }
}

TEST(EmulatedLanguageModel, EveryGpuHasAnArithmeticOfItsOwn) {
  std::set<std::string> digests;
  for (const TensorCore& core : kTensorCores) {
    digests.insert(ArithmeticDigest(core));
    TensorCore other = core;
    ++other.fraction_bits;
    digests.insert(ArithmeticDigest(other));
    other = core;
    other.multiprocessors /= 2;  // other splits of keys
    digests.insert(ArithmeticDigest(other));
  }
  EXPECT_EQ(digests.size(), 3 * std::size(kTensorCores));
}

TEST(EmulatedLanguageModel, SaysWhatItCannotDo) {
  const auto checkpoint = Checkpoint::Open(kCheckpoint);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto made = EmulatedLanguageModel::Create(**checkpoint, EmulatedConfig(), kH100TensorCore,
                                                  /*decode_graph=*/true);
  ASSERT_TRUE(made.ok()) << made.status();
  EmulatedLanguageModel& model = **made;
  EXPECT_THAT(model.Reset(1, 10).ToString(), HasSubstr("before LoadWeights"));
  ASSERT_TRUE(model.LoadWeights({}).ok());
  EXPECT_THAT(model.Forward({{1}}, 1, nullptr).status().ToString(), HasSubstr("before Reset"));
  ASSERT_TRUE(model.Reset(1, 10).ok());
  EXPECT_THAT(model.Forward({{1}, {2}}, 1, nullptr).status().ToString(),
              HasSubstr("expected 1 sequences, found 2"));
  EXPECT_THAT(model.Forward({{1, 2}}, 3, nullptr).status().ToString(),
              HasSubstr("expected 1 to 2, found 3"));
  EXPECT_THAT(model.Forward({{1, 4096}}, 1, nullptr).status().ToString(),
              HasSubstr("expected 0 to 4095, found 4096"));
  EXPECT_THAT(model.Forward({std::vector<int64_t>(11, 1)}, 1, nullptr).status().ToString(),
              HasSubstr("no room for 11 tokens"));
}

// Runs out of memory in a layer, in a thread of its own.
class HungryObserver : public Observer {
 public:
  bool WantsLayer(int) const override { return false; }
  void OnHiddenStates(int, const at::Tensor&) override {}
  void OnKeys(int, const at::Tensor&) override {}
  void AfterLayer(int) override {
    ParallelFor(64, 1, [](int64_t, int64_t) { throw std::bad_alloc(); });
  }
};

TEST(EmulatedLanguageModel, NamesTheEndOfMemory) {
  const auto checkpoint = Checkpoint::Open(kCheckpoint);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto made = EmulatedLanguageModel::Create(**checkpoint, EmulatedConfig(), kH100TensorCore,
                                                  /*decode_graph=*/true);
  ASSERT_TRUE(made.ok()) << made.status();
  EmulatedLanguageModel& model = **made;
  const absl::Status loaded = model.LoadWeights([](int64_t, int64_t) { throw std::bad_alloc(); });
  EXPECT_TRUE(absl::IsResourceExhausted(loaded)) << loaded;
  ASSERT_TRUE(model.LoadWeights({}).ok());
  const absl::Status reset = model.Reset(1, int64_t{1} << 45);
  EXPECT_TRUE(absl::IsResourceExhausted(reset)) << reset;
  EXPECT_THAT(model.Forward({{1}}, 1, nullptr).status().ToString(), HasSubstr("before Reset"));
  ASSERT_TRUE(model.Reset(1, 10).ok());
  HungryObserver hungry;
  for (const TokenBatch& tokens : {TokenBatch{{1, 2}}, TokenBatch{{1}}}) {
    const absl::Status status = model.Forward(tokens, 1, &hungry).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  }
}

// Appends to a file of the checkpoint after the last layer of a pass has read it.
class WritingObserver : public HungryObserver {
 public:
  explicit WritingObserver(std::string path) : path_(std::move(path)) {}
  void AfterLayer(int layer) override {
    if (layer == last_layer) std::ofstream(path_, std::ios::app) << "more";
  }
  int last_layer = 0;

 private:
  const std::string path_;
};

TEST(EmulatedLanguageModel, SaysThatAFileChangedAfterItsLastRead) {
  const std::string directory = testing::TempDir() + "/written_to";
  std::filesystem::create_directories(directory);
  for (const char* name : {"config.json", "model.safetensors"}) {
    std::ofstream(absl::StrCat(directory, "/", name), std::ios::binary)
        << std::ifstream(absl::StrCat(kCheckpoint, "/", name), std::ios::binary).rdbuf();
  }
  const auto checkpoint = Checkpoint::Open(directory);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto model = EmulatedLanguageModel::Create(**checkpoint, EmulatedConfig(), kH100TensorCore,
                                                   /*decode_graph=*/false);
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_TRUE((*model)->LoadWeights({}).ok());
  ASSERT_TRUE((*model)->Reset(1, 10).ok());
  EXPECT_TRUE((*model)->Forward({{1}}, 1, nullptr).ok());
  WritingObserver writing(directory + "/model.safetensors");
  writing.last_layer = static_cast<int>((*checkpoint)->config().num_hidden_layers) - 1;
  EXPECT_THAT((*model)->Forward({{1}}, 1, &writing).status().ToString(),
              HasSubstr("model.safetensors: changed while it was in use"));
}

TEST(EmulatedLanguageModel, RefusesOtherConfigurations) {
  const auto checkpoint = Checkpoint::Open(kCheckpoint);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto refusal = [&](void (*change)(schema::RunConfig&)) {
    schema::RunConfig config = EmulatedConfig();
    change(config);
    const auto model = EmulatedLanguageModel::Create(**checkpoint, config, kH100TensorCore, true);
    EXPECT_TRUE(absl::IsUnavailable(model.status())) << model.status();
    return std::string(model.status().message());
  };
  EXPECT_THAT(refusal([](auto& c) { c.set_dtype("float32"); }), HasSubstr("dtype float32"));
  EXPECT_THAT(refusal([](auto& c) { c.set_compile(true); }), HasSubstr("compile true"));
  EXPECT_THAT(refusal([](auto& c) { c.set_attention_impl("cudnn"); }), HasSubstr("cudnn"));
  EXPECT_THAT(refusal([](auto& c) { c.set_concurrent_work(true); }), HasSubstr("concurrent_work"));
  EXPECT_THAT(refusal([](auto& c) { c.set_tp_size(2); }), HasSubstr("tp_size 2"));
}

TEST(EmulatedGpu, IsNamedByTheLabel) {
  EXPECT_FALSE(EmulatedGpu("H100").value().has_value());
  EXPECT_STREQ(EmulatedGpu("emulated:H100").value()->gpu, "H100");
  EXPECT_STREQ(EmulatedGpu("emulated:H200").value()->gpu, "H200");
  EXPECT_STREQ(EmulatedGpu("emulated:A100").value()->gpu, "A100");
  EXPECT_THAT(EmulatedGpu("emulated:Z1").status().ToString(),
              HasSubstr("expected one of emulated:A100, emulated:H100"));
  EXPECT_THAT(EmulatedGpu("emulated:V100").status().ToString(), HasSubstr("no bfloat16"));
  EXPECT_STREQ(EmulatedGpu("emulated:B200").value()->gpu, "B200");
}

// Computed as real hardware, such a run would be filed as a GPU's.
TEST(EmulatedGpu, RefusesOtherSpellingsOfThePrefix) {
  for (const char* label :
       {"Emulated:H100", "EMULATED:H100", "emulated_H100", "emulated H100", "emulatedH100",
        " emulated:H100", "emulated-H100", "emulated:h100", "emulated:H100 ", "emulated:"}) {
    EXPECT_THAT(EmulatedGpu(label).status().ToString(),
                HasSubstr("expected one of emulated:A100, emulated:H100, emulated:H200, "
                          "emulated:B200"))
        << label;
  }
}

TEST(EmulatedGpu, SaysWhatOfItWasHeldAgainstHardware) {
  EXPECT_THAT(kAmpereTensorCore.verified, HasSubstr("each product taken as one chain"));
  EXPECT_THAT(kBlackwellTensorCore.verified, HasSubstr("no: "));
  EXPECT_THAT(kH100TensorCore.verified, HasSubstr("on an H100"));
}

}  // namespace
}  // namespace forensics::runner
