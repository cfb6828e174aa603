#include "analyzer/comparison/logprob_alignment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const LogProbs kOne = {{1, 2, 3}, {-1, -2, -3}};
const LogProbs kShuffled = {{3, 1, 2}, {-30, -10, -20}};
const LogProbs kOverlapping = {{2, 3, 4}, {-0.5, -0.25, -4}};
const LogProbs kOther = {{7, 8}, {-7, -8}};
const LogProbs kThird = {{5, 6}, {-5, -6}};

TEST(LogProbs, AreAlignedByTokenIdNotByRank) {
  const AlignedLogProbs aligned = Align({&kOne, nullptr}, {&kShuffled, nullptr});
  EXPECT_THAT(aligned.a, ElementsAre(-1, -2, -3));
  EXPECT_THAT(aligned.b, ElementsAre(-10, -20, -30));
  EXPECT_EQ(aligned.unmatched_ids, 0);
}

TEST(LogProbs, UnmatchedIdsOfBothListsAreCounted) {
  const AlignedLogProbs aligned = Align({&kOne, nullptr}, {&kOverlapping, nullptr});
  EXPECT_THAT(aligned.a, ElementsAre(-2, -3));
  EXPECT_THAT(aligned.b, ElementsAre(-0.5, -0.25));
  EXPECT_EQ(aligned.unmatched_ids, 2);
}

TEST(LogProbs, NoCommonIdLeavesNothing) {
  const AlignedLogProbs aligned = Align({&kOne, nullptr}, {&kOther, nullptr});
  EXPECT_THAT(aligned.a, IsEmpty());
  EXPECT_EQ(aligned.unmatched_ids, 5);
}

TEST(LogProbs, ReferenceLogProbsAreTakenWhereStored) {
  // The reference's own list against the variant's values at the reference's ids.
  const AlignedLogProbs aligned = Align({&kOne, nullptr}, {&kOther, &kShuffled});
  EXPECT_THAT(aligned.b, ElementsAre(-10, -20, -30));
  EXPECT_EQ(aligned.unmatched_ids, 0);
  const AlignedLogProbs both = Align({&kOther, &kShuffled}, {&kOther, &kOne});
  EXPECT_THAT(both.a, ElementsAre(-30, -10, -20));
  EXPECT_THAT(both.b, ElementsAre(-3, -1, -2));
}

TEST(LogProbs, ARunThatIsTheOthersReferenceIsTakenByItsOwnIds) {
  // Both hold reference_log_probs of different references; a's own ids are those of b's reference.
  const AlignedLogProbs forward = Align({&kOne, &kOther}, {&kThird, &kShuffled});
  EXPECT_THAT(forward.a, ElementsAre(-1, -2, -3));
  EXPECT_THAT(forward.b, ElementsAre(-10, -20, -30));
  const AlignedLogProbs backward = Align({&kThird, &kShuffled}, {&kOne, &kOther});
  EXPECT_THAT(backward.a, ElementsAre(-30, -10, -20));
  EXPECT_THAT(backward.b, ElementsAre(-3, -1, -2));
}

TEST(LogProbs, AMissingListIsMissing) {
  EXPECT_TRUE(Align({&kOne, nullptr}, {}).missing);
  EXPECT_TRUE(Align({}, {nullptr, &kOne}).missing);
  EXPECT_FALSE(Align({nullptr, &kOne}, {&kOne, nullptr}).missing);
}

TEST(LogProbs, AMalformedListIsNotAligned) {
  const LogProbs short_list = {{1, 2, 3}, {-1, -2}};
  const LogProbs twice = {{1, 1}, {-1, -2}};
  EXPECT_TRUE(Align({&short_list, nullptr}, {&kOne, nullptr}).malformed);
  EXPECT_TRUE(Align({&kOne, nullptr}, {&twice, nullptr}).malformed);
}

}  // namespace
}  // namespace forensics::analyzer
