#include "runner/engine/generation.h"

#include <cmath>
#include <memory>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/capture/bit_flip.h"
#include "runner/capture/repetition_comparison.h"
#include "runner/engine/fake_language_model.h"
#include "runner/engine/processor_load.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class GenerationTest : public testing::Test {
 protected:
  GenerationTest() {
    input_.prompts = {{3, 4, 5, 6, 7}};
    input_.decode_steps = 4;
    input_.extraction.add_layers(0);
    input_.extraction.add_layers(2);
    input_.extraction.set_window(3);
    input_.extraction.set_top_k_logprobs(2);
    input_.token_text = [](int64_t id) { return absl::StrCat("<", id, ">"); };
  }

  static std::vector<float> Floats(const schema::Values& values) {
    return schema::ToFloats(values).value();
  }

  FakeLanguageModel model_;
  GenerationInput input_;
};

TEST_F(GenerationTest, StepsAndTokensInFreeDecoding) {
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  ASSERT_EQ(repetition->steps.size(), 4u);
  for (int step = 0; step < 4; ++step) {
    EXPECT_EQ(repetition->steps[step].step(), step);
    EXPECT_EQ(repetition->steps[step].token_id(), 8 + step);
    EXPECT_EQ(repetition->steps[step].fed_token_id(), 8 + step);
  }
  EXPECT_EQ(repetition->steps[1].token_text(), "<9>");
  EXPECT_GT(repetition->footer.runtime_seconds(), repetition->footer.prefill_seconds());
}

// Steps 0 .. 3 of a prompt of 5: positions 2, 3, 4 of the prefill, then one a decode step.
TEST_F(GenerationTest, EachPositionIsCapturedOnceWithItsOwnSignals) {
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  ASSERT_EQ(repetition->positions.size(), 6u);
  for (int i = 0; i < 6; ++i) {
    const schema::PositionRecord& record = repetition->positions[i];
    const float position = 2.0f + i, token = 5.0f + i;
    EXPECT_EQ(record.position(), 2 + i);
    EXPECT_EQ(record.computed_at_step(), i < 3 ? 0 : i - 2);
    ASSERT_EQ(record.layers_size(), 2);
    EXPECT_EQ(record.layers(1).layer(), 2);
    EXPECT_THAT(Floats(record.layers(0).hidden_state()), ElementsAre(position, token));
    EXPECT_THAT(Floats(record.layers(1).hidden_state()), ElementsAre(200 + position, token));
    EXPECT_THAT(Floats(record.layers(1).key()), ElementsAre(position, 0, 20, token));
    EXPECT_THAT(record.top_log_probs().token_ids(), ElementsAre(6 + i, 0));
    const double norm = std::log(std::exp(1.0) + FakeLanguageModel::kVocab - 1);
    EXPECT_THAT(Floats(record.top_log_probs().log_probs()),
                ElementsAre(testing::FloatEq(1 - norm), testing::FloatEq(-norm)));
    EXPECT_FALSE(record.has_reference_log_probs());
  }
  EXPECT_EQ(repetition->footer.signals_sha256(), schema::SignalsDigest(*repetition));
}

TEST_F(GenerationTest, APromptShorterThanTheWindow) {
  input_.prompts = {{3}};
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  ASSERT_EQ(repetition->positions.size(), 4u);
  EXPECT_EQ(repetition->positions[0].position(), 0);
}

TEST_F(GenerationTest, ForcedDecodingFeedsTheReferenceAndKeepsItsIds) {
  auto reference = Generate(model_, input_);
  ASSERT_TRUE(reference.ok());
  reference->steps[1].set_fed_token_id(1);  // a reference that went another way
  input_.reference = &*reference;
  const auto forced = Generate(model_, input_);
  ASSERT_TRUE(forced.ok()) << forced.status();
  EXPECT_EQ(forced->steps[1].token_id(), 9);      // its own choice
  EXPECT_EQ(forced->steps[1].fed_token_id(), 1);  // what came next
  EXPECT_EQ(forced->steps[2].token_id(), 2);
  EXPECT_THAT(Floats(forced->positions[4].layers(0).hidden_state()), ElementsAre(6, 1));
  // Log-probs at the reference's ids: there the reference chose 11 after 10, this run saw token 1.
  const schema::PositionRecord& last = forced->positions[4];
  ASSERT_TRUE(last.has_reference_log_probs());
  EXPECT_THAT(last.reference_log_probs().token_ids(), ElementsAre(10, 0));
  EXPECT_THAT(last.top_log_probs().token_ids(), ElementsAre(2, 0));
}

TEST_F(GenerationTest, SignalsAreThoseOfSequenceZeroInABatch) {
  const auto alone = Generate(model_, input_);
  input_.prompts.push_back({9, 8, 7, 6, 5});
  const auto in_batch = Generate(model_, input_);
  ASSERT_TRUE(in_batch.ok()) << in_batch.status();
  EXPECT_FALSE(CompareRepetitions(*alone, *in_batch).has_value());
}

TEST_F(GenerationTest, EveryLayerOfEveryStepIsTold) {
  int layers = 0;
  input_.after_layer = [&](int layer) { layers += layer == 0 ? 100 : 1; };
  ASSERT_TRUE(Generate(model_, input_).ok());
  EXPECT_EQ(layers, 4 * (100 + 2));
}

TEST_F(GenerationTest, EachRepetitionStartsAfresh) {
  ASSERT_TRUE(Generate(model_, input_).ok());
  ASSERT_TRUE(Generate(model_, input_).ok());
  EXPECT_EQ(model_.resets, 2);
}

TEST_F(GenerationTest, BadInputs) {
  GenerationInput unequal = input_, empty = input_, short_reference = input_, absent = input_;
  unequal.prompts.push_back({1});
  empty.prompts = {{}};
  const schema::Repetition none;
  short_reference.reference = &none;
  absent.extraction.add_layers(7);
  for (const auto& [input, message] : std::vector<std::pair<GenerationInput*, std::string>>{
           {&unequal, "5 and 1 tokens"},
           {&empty, "empty prompt"},
           {&short_reference, "0 steps, expected 4"},
           {&absent, "layer 7"}}) {
    const absl::Status status = Generate(model_, *input).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

TEST_F(GenerationTest, ErrorsNameTheStepAndInterruptionsStop) {
  model_.fail_at_pass = 2;
  EXPECT_THAT(std::string(Generate(model_, input_).status().message()),
              HasSubstr("step 2: the fake failed"));
  model_.fail_at_pass = -1;
  input_.before_step = [](int step) {
    return step == 1 ? absl::CancelledError("enough") : absl::OkStatus();
  };
  EXPECT_EQ(Generate(model_, input_).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(GenerationTest, APlantedFaultIsFoundWhereItIs) {
  const auto clean = Generate(model_, input_);
  std::unique_ptr<BitFlipper> flipper;
  const BitFlip flip = ParseBitFlip("1:2:2:0").value();
  input_.wrap_observer = [&](Observer* next) {
    flipper = std::make_unique<BitFlipper>(flip, next);
    return flipper.get();
  };
  input_.before_step = [&](int step) {
    flipper->BeginStep(step);
    return absl::OkStatus();
  };
  const auto faulty = Generate(model_, input_);
  ASSERT_TRUE(faulty.ok()) << faulty.status();
  const auto difference = CompareRepetitions(*clean, *faulty);
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->step(), 2);
  EXPECT_EQ(difference->position(), 6);
  EXPECT_EQ(difference->layer(), 2);
  EXPECT_EQ(difference->ulps(), "1");
  EXPECT_EQ(difference->differing_elements(), 1);
}

TEST(BitFlipTest, Parsing) {
  EXPECT_EQ(ParseBitFlip("1:5:4:17")->element, 17);
  const BitFlip flip = ParseBitFlip("2:29:13:255").value();
  EXPECT_TRUE(CheckBitFlip(flip, 3, 30, 14, 256).ok());
  EXPECT_THAT(std::string(CheckBitFlip(flip, 2, 30, 14, 256).message()),
              HasSubstr("repetition 2: expected 0 to 1"));
  EXPECT_THAT(std::string(CheckBitFlip(flip, 3, 29, 14, 256).message()), HasSubstr("step 29"));
  EXPECT_THAT(std::string(CheckBitFlip(flip, 3, 30, 13, 256).message()), HasSubstr("layer 13"));
  EXPECT_THAT(std::string(CheckBitFlip(flip, 3, 30, 14, 255).message()), HasSubstr("element 255"));
  for (const char* bad : {"", "1:2:3", "1:2:3:x", "1:2:3:-4", "1:2:3:4:5"}) {
    EXPECT_FALSE(ParseBitFlip(bad).ok()) << bad;
  }
}

TEST_F(GenerationTest, TheFooterTellsWhatKernelsSaw) {
  input_.prompts = {{3, 4, 5, 6, 7}, {4, 5, 6, 7, 8}};
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  RecordKernel("after", {}, 1);
  ASSERT_EQ(repetition->footer.kernels_size(), 2);
  const schema::KernelUse &prefill = repetition->footer.kernels(0),
                          &decode = repetition->footer.kernels(1);
  EXPECT_EQ(prefill.phase(), "prefill");
  EXPECT_EQ(prefill.kernel(), "fake");
  EXPECT_EQ(prefill.operands(), "vocab=16");
  EXPECT_EQ(prefill.calls(), 1);
  EXPECT_EQ(prefill.min_rows(), 10);
  EXPECT_EQ(decode.phase(), "decode");
  EXPECT_EQ(decode.calls(), 3);
  EXPECT_EQ(decode.max_rows(), 2);
  EXPECT_FALSE(repetition->footer.has_background_load());
}

TEST_F(GenerationTest, TheMachineIsAskedOnceAfterTheLastToken) {
  int steps = 0, asked_after = 0, asked = 0;
  input_.before_step = [&](int) {
    ++steps;
    return absl::OkStatus();
  };
  input_.machine_facts = [&] {
    ++asked;
    asked_after = steps;
    return std::map<std::string, std::string>{{"clock", "7"}};
  };
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(asked_after, input_.decode_steps);
  EXPECT_EQ(repetition->footer.machine_facts().at("clock"), "7");
}

TEST_F(GenerationTest, ConcurrentWorkCoversThePassesAndNoBits) {
  const auto alone = Generate(model_, input_);
  LoadOptions load = HalfOfThisMachine();
  input_.start_load = [&load] { return ProcessorLoad::Start(load); };
  // Passes long enough for workers to get a processor on a machine that is busy otherwise.
  input_.after_layer = [](int) { absl::SleepFor(absl::Milliseconds(20)); };
  const auto repetition = Generate(model_, input_);
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  EXPECT_EQ(repetition->footer.signals_sha256(), alone->footer.signals_sha256());
  EXPECT_GT(repetition->footer.background_load().overlap_seconds(), 0);
  EXPECT_LE(repetition->footer.background_load().intervals(0).begin(), 0);
  // A clock that stands still: nothing overlaps.
  load.clock = [] { return 1.0; };
  input_.start_load = [&load] { return ProcessorLoad::Start(load); };
  EXPECT_THAT(std::string(Generate(model_, input_).status().message()),
              HasSubstr("did not run beside inference"));
}

TEST_F(GenerationTest, ConcurrentWorkEndsWithAFailedRepetition) {
  LoadOptions load = HalfOfThisMachine();
  auto alive = std::make_shared<int>();
  load.new_product = [alive] { return [alive] {}; };
  input_.start_load = [&load] { return ProcessorLoad::Start(load); };
  model_.fail_at_pass = 2;
  EXPECT_FALSE(Generate(model_, input_).ok());
  input_.start_load = nullptr;
  load.new_product = nullptr;
  EXPECT_EQ(alive.use_count(), 1) << "a worker is still there";
}

}  // namespace
}  // namespace forensics::runner
