#include "runner/model_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "runner/tokenizer/tokenizer.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

constexpr char kAwq[] = "testdata/mini_qwen3_moe/awq";
constexpr char kUnquantised[] = "testdata/tiny_checkpoints/qwen3_moe_untied";
constexpr char kOtherTokenizer[] = "testdata/qwen3_tokenizer";

RunnerOptions Options() {
  RunnerOptions options;
  options.model = kAwq;
  options.quantized_models = {{"gptq", ""}, {"bnb", kUnquantised}};
  return options;
}

schema::ExperimentSpec Spec(const char* variant) {
  schema::ExperimentSpec spec;
  spec.mutable_reference_config()->set_quant_method("awq");
  spec.add_variants()->mutable_overrides()->set_quant_method(variant);
  return spec;
}

TEST(ModelSourceTest, OpensOneAtATimeAndEachOnce) {
  const RunnerOptions options = Options();
  const schema::ExperimentSpec spec = Spec("");
  ModelSource models(spec, options);
  const auto first = models.Open("awq");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)->directory(), kAwq);
  const auto again = models.Open("awq");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*first, *again);
}

TEST(ModelSourceTest, AFormatWithoutACheckpointNamesItsFlag) {
  const RunnerOptions options = Options();
  const schema::ExperimentSpec spec = Spec("gptq");
  const absl::Status status = ModelSource(spec, options).Open("gptq").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--model_gptq=DIR"));
  EXPECT_THAT(std::string(status.message()), HasSubstr(kAwq));
}

TEST(ModelSourceTest, AFormatWithoutAFlagIsAnError) {
  const RunnerOptions options = Options();
  const schema::ExperimentSpec spec = Spec("hqq");
  const absl::Status status = ModelSource(spec, options).Open("hqq").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("quant_method hqq"));
}

TEST(ModelSourceTest, RefusesACheckpointOfAnotherFormat) {
  const schema::ExperimentSpec spec = Spec("gptq");
  RunnerOptions options = Options();
  options.quantized_models["gptq"] = kAwq;
  const absl::Status variant = ModelSource(spec, options).Open("gptq").status();
  EXPECT_EQ(variant.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(variant.message(),
            std::string(kAwq) + ": expected a checkpoint in gptq format, found awq");
  options.model = kUnquantised;
  EXPECT_EQ(ModelSource(spec, options).Open("awq").status().message(),
            std::string(kUnquantised) + ": expected a checkpoint in awq format, found none");
}

// Any format can be the reference of an experiment that does not compare formats.
TEST(ModelSourceTest, TheReferenceIsOfAnyFormat) {
  RunnerOptions options = Options();
  options.model = kUnquantised;
  const schema::ExperimentSpec spec = Spec("");
  ModelSource models(spec, options);
  const auto model = models.Open("awq");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->directory(), kUnquantised);
}

TEST(ModelSourceTest, NamesADirectoryThatIsNotThere) {
  RunnerOptions options = Options();
  options.quantized_models["gptq"] = "nowhere";
  const schema::ExperimentSpec spec = Spec("gptq");
  const absl::Status status = ModelSource(spec, options).Open("gptq").status();
  EXPECT_FALSE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("nowhere/config.json"));
}

class CheckReadsPromptTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto tokenizer = Tokenizer::FromFile(std::string(kAwq) + "/tokenizer.json");
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
    prompt_.set_text("<|im_start|>user\nA floating-point number");
    const auto ids = (*tokenizer)->Encode(prompt_.text());
    ASSERT_TRUE(ids.ok()) << ids.status();
    prompt_.mutable_token_ids()->Add(ids->begin(), ids->end());
  }
  schema::PromptInfo prompt_;
};

TEST_F(CheckReadsPromptTest, TheSameTokenizerReadsTheSame) {
  RunnerOptions options = Options();
  options.model = "another/path";
  EXPECT_TRUE(CheckReadsPrompt(kAwq, 4096, prompt_, options).ok());
}

TEST_F(CheckReadsPromptTest, AnotherTokenizerIsNamedWithTheReferences) {
  const std::string error(CheckReadsPrompt(kOtherTokenizer, 151936, prompt_, Options()).message());
  EXPECT_THAT(error, HasSubstr("testdata/qwen3_tokenizer/tokenizer.json: gives other ids"));
  EXPECT_THAT(error, HasSubstr("than testdata/mini_qwen3_moe/awq/tokenizer.json"));
  EXPECT_THAT(error, HasSubstr("at place 0"));
}

TEST_F(CheckReadsPromptTest, AShorterPromptDiffersAtItsEnd) {
  prompt_.mutable_token_ids()->RemoveLast();
  RunnerOptions options = Options();
  options.model = "another/path";
  const int size = prompt_.token_ids_size();
  EXPECT_THAT(std::string(CheckReadsPrompt(kAwq, 4096, prompt_, options).message()),
              HasSubstr("expected " + std::to_string(size) + " ids"));
}

TEST_F(CheckReadsPromptTest, GivenIdsNeedNoTokenizer) {
  RunnerOptions options = Options();
  options.prompt_tokens = "ids.json";
  EXPECT_TRUE(CheckReadsPrompt("nowhere", 4096, prompt_, options).ok());
}

TEST_F(CheckReadsPromptTest, AnIdBeyondTheVocabularyIsNamed) {
  RunnerOptions options = Options();
  options.prompt_tokens = "ids.json";
  prompt_.add_token_ids(4096);
  EXPECT_EQ(CheckReadsPrompt("small", 4096, prompt_, options).message(),
            "small: its vocabulary has 4096 entries, but the prompt has id 4096");
}

}  // namespace
}  // namespace forensics::runner
