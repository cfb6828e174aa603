#include "analyzer/contexts.h"

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

RunRecord Tokens(const std::vector<int64_t>& tokens) {
  RunRecord run;
  for (size_t step = 0; step < tokens.size(); ++step) {
    run.steps[static_cast<int64_t>(step)].token_id = tokens[step];
  }
  return run;
}

TEST(Contexts, EveryStepIsComparableWhileTheSameTokensAreFed) {
  const Contexts contexts = CompareContexts(Tokens({5, 6, 7}), Tokens({5, 6, 7}));
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 1, 2));
  EXPECT_EQ(contexts.steps_left_out, 0);
  EXPECT_FALSE(contexts.first_fed_difference.has_value());
  EXPECT_FALSE(contexts.first_token_difference.has_value());
}

TEST(Contexts, TheStepAtWhichTokensFirstDifferIsComparableLaterOnesAreLeftOutAndCounted) {
  const Contexts contexts = CompareContexts(Tokens({5, 6, 7, 8, 9}), Tokens({5, 1, 7, 8, 9}));
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 1));
  EXPECT_EQ(contexts.steps_left_out, 3);
  EXPECT_THAT(contexts.first_fed_difference, Optional(1));
  EXPECT_THAT(contexts.first_token_difference, Optional(1));
}

TEST(Contexts, WithForcedDecodingTheFedTokenDecidesAndAllStepsAreComparable) {
  RunRecord forced = Tokens({5, 1, 1});
  for (auto& [number, step] : forced.steps) step.fed_token_id = 5 + number;
  const Contexts contexts = CompareContexts(Tokens({5, 6, 7}), forced);
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 1, 2));
  EXPECT_EQ(contexts.steps_left_out, 0);
  EXPECT_THAT(contexts.first_token_difference, Optional(1));
}

TEST(Contexts, AFedTokenThatDiffersPartsRunsWhoseOwnTokensAgree) {
  RunRecord fed = Tokens({5, 6, 7});
  fed.steps[0].fed_token_id = 99;
  const Contexts contexts = CompareContexts(Tokens({5, 6, 7}), fed);
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0));
  EXPECT_EQ(contexts.steps_left_out, 2);
}

TEST(Contexts, AStepThatOneRunLacksIsNamedAndTheOthersStay) {
  RunRecord gap = Tokens({5, 6, 7, 8});
  gap.steps.erase(1);
  const Contexts contexts = CompareContexts(gap, Tokens({5, 6, 7}));
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 2));
  EXPECT_THAT(contexts.missing_in_a, ElementsAre(1));
  EXPECT_THAT(contexts.missing_in_b, ElementsAre(3));
}

TEST(Contexts, OtherPromptsShareNoContext) {
  RunRecord a = Tokens({5, 6});
  RunRecord b = Tokens({5, 6});
  a.prompt_text = "one";
  EXPECT_TRUE(CompareContexts(a, b).same_prompt) << "one text is not known";
  b.prompt_text = "two";
  const Contexts contexts = CompareContexts(a, b);
  EXPECT_FALSE(contexts.same_prompt);
  EXPECT_THAT(contexts.comparable_steps, IsEmpty());
  EXPECT_EQ(contexts.steps_left_out, 2);
}

TEST(Contexts, RunsWithoutSteps) {
  EXPECT_THAT(CompareContexts(RunRecord(), RunRecord()).comparable_steps, IsEmpty());
  EXPECT_THAT(CompareContexts(RunRecord(), Tokens({5})).missing_in_a, ElementsAre(0));
}

}  // namespace
}  // namespace forensics::analyzer
