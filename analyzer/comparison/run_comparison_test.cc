#include "analyzer/comparison/run_comparison.h"

#include <cmath>
#include <limits>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

const std::set<SignalId> kAll = {kHidden1, kHidden2, kKeys1, kLogProbsId};

RunRecord Offset(float offset) {
  RunShape shape;
  shape.offset = offset;
  return MakeRun("run", shape);
}

SignalComparison Compare(const RunRecord& a, const RunRecord& b, const SignalId& signal) {
  return CompareRuns(a, b, kAll).signals.at(signal);
}

TEST(MeanL2, IsTheMeanOverAllStepsTimesPositionsWithMinMaxAndCount) {
  RunRecord b = Offset(1);
  // The last step's last position alone is 5 away: (8 x 1 + 5) / 9.
  SetVector(b, kHidden1, {2, -1}, {3, 8 + 4, 2, 1});
  const SignalComparison hidden = Compare(Offset(0), b, kHidden1);
  EXPECT_EQ(hidden.l2.n, 9);
  EXPECT_EQ(hidden.l2.mean, 13.0 / 9);
  EXPECT_EQ(hidden.l2.min, 1);
  EXPECT_EQ(hidden.l2.max, 5);
  EXPECT_FALSE(hidden.agreement.identical());
}

TEST(MeanL2, OfEverySignalAndLayer) {
  const RunComparison comparison = CompareRuns(Offset(0), Offset(0.5), kAll);
  EXPECT_EQ(comparison.signals.at(kHidden1).l2.mean, 0.5);
  EXPECT_EQ(comparison.signals.at(kHidden2).l2.mean, 0.5);
  EXPECT_EQ(comparison.signals.at(kKeys1).l2.mean, 0.25);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).l2.mean, 0.5);
}

TEST(DistinctPositions, AreCountedOnceEach) {
  // Three steps of three positions: five positions of the sequence, three of them in the prefill.
  const SignalComparison signal = Compare(Offset(0), Offset(1), kHidden1);
  EXPECT_EQ(signal.in(Phase::kAll).l2.n, 5);
  EXPECT_EQ(signal.in(Phase::kPrefill).l2.n, 3);
  EXPECT_EQ(signal.in(Phase::kDecode).l2.n, 2);
  EXPECT_EQ(signal.in(Phase::kAll).bits.elements, 20);
  EXPECT_EQ(signal.in(Phase::kAll).bits.changed, 5);
  EXPECT_EQ(signal.in(Phase::kDecode).bits.changed, 2);
  ASSERT_EQ(signal.positions.size(), 5u);
  EXPECT_EQ(signal.positions[0].computed, -2);
  EXPECT_EQ(signal.positions[4].computed, 2);
  EXPECT_EQ(signal.positions[4].l2, 1);
}

TEST(DistinctPositions, ThirtyStepsHaveThirtyTwo) {
  RunShape shape;
  shape.steps = 30;
  const RunRecord run = MakeRun("run", shape);
  const SignalComparison signal = Compare(run, run, kHidden1);
  EXPECT_EQ(signal.l2.n, 90);
  EXPECT_EQ(signal.in(Phase::kAll).l2.n, 32);
  EXPECT_EQ(signal.in(Phase::kPrefill).l2.n, 3);
  EXPECT_EQ(signal.in(Phase::kDecode).l2.n, 29);
}

TEST(DistinctPositions, PrefillAndDecodeComputedOnesAreApart) {
  const RunRecord a = Offset(0);
  RunRecord b = Offset(0);
  // The prompt's last token (prefill) is 3 away wherever a window shows it, the token that step 1
  // processed (decode) 4 away.
  for (const Timepoint& at : {Timepoint{0, -1}, Timepoint{1, -2}, Timepoint{2, -3}}) {
    SetVector(b, kHidden1, at, {3, 8, 0, 1});
  }
  for (const Timepoint& at : {Timepoint{1, -1}, Timepoint{2, -2}}) {
    SetVector(b, kHidden1, at, {4, 8, 1, 1});
  }
  const SignalComparison signal = Compare(a, b, kHidden1);
  EXPECT_EQ(signal.l2.mean, (3 * 3 + 2 * 4) / 9.0);
  EXPECT_EQ(signal.in(Phase::kAll).l2.mean, (3 + 4) / 5.0);
  EXPECT_EQ(signal.in(Phase::kPrefill).l2.mean, 3 / 3.0);
  EXPECT_EQ(signal.in(Phase::kDecode).l2.mean, 4 / 2.0);
}

TEST(Statistics, RelativeAbsoluteAndUlp) {
  RunRecord a, b;
  for (RunRecord* run : {&a, &b}) run->steps[0].token_id = 1;
  SetVector(a, kHidden1, {0, -1}, {3, 4, 1});
  SetVector(b, kHidden1, {0, -1}, {3, 4, std::nextafter(1.0f, 2.0f)});
  const PhaseStatistics prefill = Compare(a, b, kHidden1).in(Phase::kPrefill);
  EXPECT_EQ(prefill.relative_l2.mean, 0x1p-23 / std::sqrt(26.0));
  EXPECT_NEAR(prefill.cosine.mean, 1, 1e-14);
  EXPECT_EQ(prefill.largest_absolute, 0x1p-23);
  EXPECT_EQ(prefill.ulps.largest, 1u);
  EXPECT_EQ(prefill.ulps.mean, 1 / 3.0);
  EXPECT_EQ(prefill.bits.mantissa, 1);
}

TEST(Statistics, UlpsAreOfTheFormatThatWasComputedInAndLogProbsAlwaysFloat32) {
  const RunComparison comparison =
      CompareRuns(Offset(1), Offset(2), kAll, false, NumberFormat::kBfloat16);
  const UlpStatistics& hidden = comparison.signals.at(kHidden1).in(Phase::kAll).ulps;
  EXPECT_EQ(hidden.format, NumberFormat::kBfloat16);
  EXPECT_EQ(hidden.largest, 1u << 7);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).in(Phase::kAll).ulps.format, NumberFormat::kFloat32);
}

TEST(LeftOut, TimepointsWithNotANumberOrInfinityAreLeftOutAndCounted) {
  RunRecord b = Offset(1);
  SetVector(b, kHidden1, {0, -1}, {std::numeric_limits<float>::quiet_NaN(), 8, 0, 1});
  SetVector(b, kHidden1, {1, -1}, {std::numeric_limits<float>::infinity(), 8, 1, 1});
  b.log_probs[{2, -1}].values[2] = -std::numeric_limits<float>::infinity();
  const RunComparison comparison = CompareRuns(Offset(0), b, kAll);
  EXPECT_EQ(comparison.signals.at(kHidden1).left_out.not_finite, 2);
  EXPECT_EQ(comparison.signals.at(kHidden1).l2.n, 7);
  EXPECT_EQ(comparison.signals.at(kHidden1).l2.mean, 1);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).left_out.not_finite, 1);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).l2.n, 8);
}

TEST(LeftOut, ATimepointWithoutACommonTokenIdIsLeftOutAndCounted) {
  RunRecord b = Offset(0);
  b.log_probs[{0, -1}].token_ids = {70, 80, 90};
  b.log_probs[{0, -2}].token_ids = {7, 8, 90};
  const SignalComparison log_probs = Compare(Offset(0), b, kLogProbsId);
  EXPECT_EQ(log_probs.left_out.no_common_id, 1);
  EXPECT_EQ(log_probs.unmatched_ids, 6 + 2);
  EXPECT_EQ(log_probs.l2.n, 8);
  EXPECT_FALSE(log_probs.agreement.identical());
}

TEST(LeftOut, MissingPositionsAndUnequalLengthsAreLeftOutAndCounted) {
  RunRecord a = Offset(0);
  RunRecord b = Offset(1);
  a.vectors[kHidden1].erase({0, -3});
  b.vectors[kHidden1].erase({0, -2});
  SetVector(b, kHidden1, {0, -1}, {1, 8, 0});
  const SignalComparison signal = Compare(a, b, kHidden1);
  EXPECT_EQ(signal.left_out.missing, 2);
  EXPECT_EQ(signal.left_out.unequal_length, 1);
  EXPECT_EQ(signal.l2.n, 6);
}

TEST(LeftOut, ASignalThatOneRunLacksHasNoDistance) {
  RunRecord b = Offset(1);
  b.vectors.erase(kHidden1);
  b.log_probs.clear();
  const RunComparison comparison = CompareRuns(Offset(0), b, kAll);
  EXPECT_EQ(comparison.signals.at(kHidden1).l2.n, 0);
  EXPECT_EQ(comparison.signals.at(kHidden1).left_out.missing, 9);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).left_out.missing, 9);
  EXPECT_EQ(comparison.signals.at(kHidden2).l2.n, 9);
}

TEST(Contexts, OnlyStepsWithTheSameContextAreCompared) {
  RunRecord b = Offset(1);
  b.steps[1].token_id = 5;
  const RunComparison comparison = CompareRuns(Offset(0), b, kAll);
  EXPECT_EQ(comparison.contexts.steps_left_out, 1);
  EXPECT_EQ(comparison.signals.at(kHidden1).l2.n, 6);
  EXPECT_EQ(comparison.signals.at(kLogProbsId).l2.n, 6);
  EXPECT_EQ(comparison.signals.at(kHidden1).in(Phase::kAll).l2.n, 4);
}

TEST(BitIdentity, NeedsEqualBitsAndSomethingToCompare) {
  EXPECT_TRUE(Compare(Offset(1), Offset(1), kHidden1).agreement.identical());
  EXPECT_TRUE(Compare(Offset(1), Offset(1), kLogProbsId).agreement.identical());
  EXPECT_FALSE(Compare(Offset(0.0f), Offset(-0.0f), kHidden1).agreement.identical());
  EXPECT_EQ(Compare(Offset(0.0f), Offset(-0.0f), kHidden1).l2.max, 0);
  EXPECT_FALSE(Compare(RunRecord(), RunRecord(), kHidden1).agreement.identical());
}

TEST(BitIdentity, IsOfAllThatEitherStores) {
  const RunRecord a = Offset(1);
  RunRecord b = a;
  SetVector(b, kHidden1, {0, -1}, {1, 8, 0});
  EXPECT_FALSE(Compare(a, b, kHidden1).agreement.identical()) << "another length";
  b = a;
  b.vectors[kHidden1].erase({0, -1});
  EXPECT_FALSE(Compare(a, b, kHidden1).agreement.identical()) << "missing in one";
  EXPECT_TRUE(Compare(a, b, kHidden1).agreement.agrees()) << "but nothing contradicts";
  b = a;
  b.log_probs[{0, -1}].token_ids = {70, 80, 90};
  EXPECT_FALSE(Compare(a, b, kLogProbsId).agreement.identical()) << "no common id";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  b = a;
  SetVector(b, kHidden1, {0, -1}, {nan, 8, 0, 1});
  EXPECT_FALSE(Compare(a, b, kHidden1).agreement.identical()) << "a NaN in one";
  EXPECT_TRUE(Compare(b, b, kHidden1).agreement.identical()) << "the same NaN in both";
}

TEST(BitIdentity, OfRunsIsOfAllSignalsStepsAndTokens) {
  const RunRecord a = Offset(1);
  EXPECT_TRUE(CompareRuns(a, a, kAll).identical());
  RunRecord b = a;
  b.vectors.erase(kKeys1);
  EXPECT_FALSE(CompareRuns(a, b, kAll).identical()) << "a signal of one alone";
  EXPECT_TRUE(CompareRuns(b, b, kAll).identical()) << "a signal that neither stores";
  b = a;
  SetVector(b, kKeys1, {0, -1}, {1, 2});
  EXPECT_FALSE(CompareRuns(a, b, kAll).identical()) << "another key";
  b = a;
  b.steps[2].token_id = 5;
  EXPECT_FALSE(CompareRuns(a, b, kAll).identical()) << "another token is chosen";
  b = a;
  b.steps.erase(2);
  EXPECT_FALSE(CompareRuns(a, b, kAll).identical()) << "a step of one alone";
  EXPECT_FALSE(CompareRuns(RunRecord(), RunRecord(), kAll).identical()) << "nothing";
}

TEST(FirstDivergence, IsNoneWhereNoBitDiffers) {
  EXPECT_FALSE(CompareRuns(Offset(1), Offset(1), kAll).FirstDivergence().has_value());
}

TEST(FirstDivergence, OfASignalIsAtItsFirstPositionAndElement) {
  RunRecord b = Offset(0);
  // The token of step 1, seen by two windows; then another one of step 2.
  SetVector(b, kHidden1, {1, -1}, {0, 8, 1, 2});
  SetVector(b, kHidden1, {2, -2}, {0, 8, 1, 2});
  SetVector(b, kHidden1, {2, -1}, {1, 8, 2, 1});
  const SignalDivergence where = Compare(Offset(0), b, kHidden1).first_divergence.value();
  EXPECT_EQ(where.at, (Timepoint{1, -1}));
  EXPECT_EQ(where.changed.element, 3);
  EXPECT_EQ(where.changed.a, 1);
  EXPECT_EQ(where.changed.b, 2);
}

TEST(FirstDivergence, IsInTheOrderInWhichAModelComputes) {
  RunRecord b = Offset(0);
  const float infinity = std::numeric_limits<float>::infinity();
  SetVector(b, kHidden1, {1, -1}, {1, 8, 1, 1});
  EXPECT_EQ(CompareRuns(Offset(0), b, kAll).FirstDivergence()->signal, kHidden1);
  SetVector(b, kKeys1, {1, -1}, {1, 1});
  EXPECT_EQ(CompareRuns(Offset(0), b, kAll).FirstDivergence()->signal, kKeys1)
      << "a layer's keys come before its result";
  b.log_probs[{0, -3}].values[0] = -9;
  EXPECT_EQ(CompareRuns(Offset(0), b, kAll).FirstDivergence()->signal, kLogProbsId)
      << "the prefill comes before the first decode step";
  SetVector(b, kHidden2, {0, -1}, {infinity, 8, 0, 2});
  EXPECT_EQ(CompareRuns(Offset(0), b, kAll).FirstDivergence()->signal, kHidden2)
      << "layers come before log-probs, for all positions of the prefill";
}

TEST(FirstDivergentToken, HasItsStepIdsAndTexts) {
  RunRecord a = Offset(0), b = Offset(0);
  a.steps[1].token_text = "yes";
  b.steps[1].token_id = 5;
  b.steps[1].token_text = "no";
  b.steps[2].token_id = 6;
  const auto token = CompareRuns(a, b, kAll).first_divergent_token;
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->step, 1);
  EXPECT_EQ(token->a.token_id, std::optional<int64_t>(101));
  EXPECT_EQ(token->b.token_text, std::optional<std::string>("no"));
  EXPECT_FALSE(CompareRuns(a, a, kAll).first_divergent_token.has_value());
}

}  // namespace
}  // namespace forensics::analyzer
