// Whole runs of the small model on this GPU and emulated: every captured bit.
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/engine/decoder_language_model.h"
#include "runner/engine/emulated_language_model.h"
#include "runner/engine/generation.h"
#include "runner/ops/emulated/testing/this_gpu.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {
namespace {

struct RunCase {
  const char* name;
  const char* checkpoint;
  bool decode_graph;
  int64_t batch;
  int64_t tokens;
  const char* attention = "flash_attention_2";
};
std::ostream& operator<<(std::ostream& out, const RunCase& c) { return out << c.name; }

schema::RunConfig ConfigOf(const RunCase& c, const char* device) {
  schema::RunConfig config;
  config.set_dtype("bfloat16");
  config.set_device(device);
  config.set_batch_size(static_cast<int>(c.batch));
  config.set_attention_impl(c.attention);
  config.set_cuda_version("default");
  config.set_tp_size(1);
  config.set_ep_size(1);
  return config;
}

GenerationInput InputOf(const RunCase& c) {
  GenerationInput input;
  std::mt19937_64 random(c.tokens);
  for (int64_t i = 0; i < c.batch; ++i) {
    std::vector<int64_t>& prompt = input.prompts.emplace_back();
    for (int64_t token = 0; token < c.tokens; ++token) {
      prompt.push_back(static_cast<int64_t>(random() % 4096));
    }
  }
  input.decode_steps = 8;
  for (int layer = 0; layer < 14; ++layer) input.extraction.add_layers(layer);
  input.extraction.set_window(3);
  input.extraction.set_top_k_logprobs(10);
  input.token_text = [](int64_t id) { return absl::StrCat(id); };
  return input;
}

schema::Repetition RunOn(RunnableModel& model, const RunCase& c) {
  EXPECT_TRUE(model.LoadWeights({}).ok());
  const auto repetition = Generate(model, InputOf(c));
  EXPECT_TRUE(repetition.ok()) << repetition.status();
  return repetition.ok() ? *repetition : schema::Repetition();
}

class WholeRuns : public testing::TestWithParam<RunCase> {};

TEST_P(WholeRuns, HaveTheGpusBits) {
  const RunCase& c = GetParam();
  const auto checkpoint = Checkpoint::Open(absl::StrCat("testdata/mini_qwen3_moe/", c.checkpoint));
  if (!checkpoint.ok()) GTEST_SKIP() << "NOT RUN: " << checkpoint.status().message();
  SingleProcess alone;
  const auto on_gpu = DecoderLanguageModel::Create(
      **checkpoint, ConfigOf(c, "cuda"), {/*compiled_packages=*/"", c.decode_graph}, alone);
  ASSERT_TRUE(on_gpu.ok()) << on_gpu.status();
  const schema::Repetition gpu = RunOn(**on_gpu, c);
  const auto twin = EmulatedLanguageModel::Create(**checkpoint, ConfigOf(c, "cpu"),
                                                  ThisTensorCore(), c.decode_graph);
  ASSERT_TRUE(twin.ok()) << twin.status();
  const schema::Repetition emulated = RunOn(**twin, c);
  ASSERT_EQ(emulated.positions.size(), gpu.positions.size());
  for (size_t i = 0; i < gpu.positions.size(); ++i) {
    EXPECT_EQ(emulated.positions[i].SerializeAsString(), gpu.positions[i].SerializeAsString())
        << "position " << i;
  }
  EXPECT_EQ(emulated.footer.signals_sha256(), gpu.footer.signals_sha256());
}

INSTANTIATE_TEST_SUITE_P(
    Emulated, WholeRuns,
    testing::Values(
        RunCase{"awq", "awq", true, 1, 1000}, RunCase{"gptq", "gptq", true, 1, 333},
        RunCase{"nf4", "bnb_nf4", true, 1, 64}, RunCase{"awq_no_graph", "awq", false, 1, 1000},
        RunCase{"nf4_no_graph", "bnb_nf4", false, 1, 100}, RunCase{"one_token", "awq", true, 1, 1},
        RunCase{"five_tokens", "awq", true, 1, 5},
        RunCase{"nine_tokens_no_graph", "gptq", false, 1, 9},
        RunCase{"batch_of_2", "awq", true, 2, 300}, RunCase{"batch_of_4", "awq", true, 4, 500},
        RunCase{"batch_of_2_no_graph", "awq", false, 2, 300},
        RunCase{"batch_of_3_no_graph", "awq", false, 3, 100},
        RunCase{"batch_of_12", "awq", true, 12, 40},
        RunCase{"eager", "awq", true, 1, 1000, "eager"},
        RunCase{"eager_301", "gptq", true, 1, 301, "eager"},
        RunCase{"eager_no_graph", "awq", false, 1, 1023, "eager"},
        RunCase{"eager_long", "awq", false, 1, 2101, "eager"},
        RunCase{"eager_short_batch_of_3", "bnb_nf4", false, 3, 13, "eager"},
        RunCase{"eager_batch_of_2", "bnb_nf4", true, 2, 128, "eager"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::runner
