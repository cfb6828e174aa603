#include "analyzer/comparison/contexts.h"

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

TEST(Contexts, BehindAStepThatOneRunLacksNothingIsKnownToBeTheSame) {
  RunRecord gap = Tokens({5, 6, 7, 8});
  gap.steps.erase(1);
  const Contexts contexts = CompareContexts(gap, Tokens({5, 6, 7}));
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0));
  EXPECT_EQ(contexts.steps_left_out, 1);
  EXPECT_THAT(contexts.first_unknown_token, Optional(1));
  EXPECT_FALSE(contexts.first_fed_difference.has_value());
  EXPECT_THAT(contexts.missing_in_a, ElementsAre(1));
  EXPECT_THAT(contexts.missing_in_b, ElementsAre(3));
}

TEST(Contexts, TheSameForAStepThatBothLackAndOneThatDoesNotTellItsToken) {
  RunRecord gap = Tokens({5, 6, 7, 8});
  gap.steps.erase(1);
  EXPECT_THAT(CompareContexts(gap, gap).comparable_steps, ElementsAre(0));
  EXPECT_EQ(CompareContexts(gap, gap).steps_left_out, 2);
  RunRecord late = Tokens({5, 6, 7});
  late.steps.erase(0);
  EXPECT_THAT(CompareContexts(late, late).comparable_steps, IsEmpty());
  RunRecord silent = Tokens({5, 6, 7});
  silent.steps[1].token_id.reset();
  const Contexts contexts = CompareContexts(Tokens({5, 6, 7}), silent);
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 1));
  EXPECT_THAT(contexts.first_unknown_token, Optional(1));
}

TEST(Contexts, BehindAMissingStepAllIsComparableWhereOneReferenceFedBoth) {
  RunRecord gap = Tokens({5, 6, 7, 8});
  gap.steps.erase(1);
  const Contexts contexts = CompareContexts(gap, Tokens({5, 6, 7, 8}), true);
  EXPECT_THAT(contexts.comparable_steps, ElementsAre(0, 2, 3));
  EXPECT_EQ(contexts.steps_left_out, 0);
  EXPECT_FALSE(contexts.first_unknown_token.has_value());
  EXPECT_THAT(contexts.missing_in_a, ElementsAre(1));
  EXPECT_THAT(CompareContexts(gap, Tokens({5, 6, 9, 8}), true).comparable_steps, ElementsAre(0, 2))
      << "tokens that are told decide";
}

TEST(FedBySameReference, ByTheDigestOfTheReferencesSignals) {
  struct Side {
    bool forced;
    const char* reference;
    const char* own;
  };
  const struct {
    Side a, b;
    bool same;
  } cases[] = {
      {{true, "x", "1"}, {true, "x", "2"}, true},    {{true, "x", "1"}, {true, "y", "1"}, false},
      {{true, "", "1"}, {true, "y", "2"}, true},     {{false, "", "x"}, {true, "x", "2"}, true},
      {{true, "x", "2"}, {false, "", "x"}, true},    {{false, "", "z"}, {true, "x", "z"}, false},
      {{false, "", ""}, {true, "", ""}, false},      {{false, "", "x"}, {false, "", "x"}, false},
      {{false, "x", "1"}, {false, "x", "2"}, false},
  };
  for (const auto& [a, b, same] : cases) {
    Configuration configurations[2];
    RunRecord runs[2];
    int i = 0;
    for (const Side& side : {a, b}) {
      configurations[i].forced = side.forced;
      configurations[i].reference_signals_sha256 = side.reference;
      runs[i++].signals_sha256 = side.own;
    }
    EXPECT_EQ(FedBySameReference(configurations[0], runs[0], configurations[1], runs[1]), same)
        << a.forced << a.reference << a.own << " " << b.forced << b.reference << b.own;
  }
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
