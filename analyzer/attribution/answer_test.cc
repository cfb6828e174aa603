#include "analyzer/attribution/answer.h"

#include <cmath>
#include <limits>
#include <vector>

#include "analyzer/testing/attribution_trials.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Values "a" and "b", each on hardware 0 and 1: a0, a1, b0, b1.
const Question kQuestion = {{"a", "b"}, {0, 0, 1, 1}, {0, 1, 0, 1}, 2};

Eigen::MatrixXd Distances() {
  Eigen::MatrixXd logs(4, 4);
  logs << kNaN, 0.0, 3.0, 3.1,  //
      0.0, kNaN, 3.1, 3.0,      //
      3.0, 3.1, kNaN, 0.1,      //
      3.1, 3.0, 0.1, kNaN;
  return logs;
}

Sighting Seen(const std::vector<double>& logs, std::vector<bool> identical = {0, 0, 0, 0}) {
  Sighting sighting;
  sighting.log_distances = Eigen::VectorXd::Map(logs.data(), 4);
  sighting.identical = std::move(identical);
  return sighting;
}

Answer AnswerTo(const Sighting& sighting) { return AnswerFor(kQuestion, Distances(), sighting); }

TEST(AnswerFor, NamesTheNearestLabel) {
  const Answer answer = AnswerTo(Seen({3.0, 3.0, 0.1, 0.1}));
  EXPECT_EQ(answer.text(), "b");
  EXPECT_EQ(answer.candidates[0].label, "b");
  EXPECT_NEAR(*answer.candidates[0].distance, std::exp(0.1), 0.05);
  EXPECT_GT(*answer.confidence(), 0.7);
  EXPECT_EQ(answer.pairs, 6u);
}

TEST(AnswerFor, FarFromAllIsNoneOfThese) {
  const Answer answer = AnswerTo(Seen({6, 6, 6.5, 6.5}));
  EXPECT_EQ(answer.text(), kNoneOfThese);
  EXPECT_GT(*answer.confidence(), 0.7);
}

// As near to both as hardware moves them, which nothing that is like either of them can be.
TEST(AnswerFor, EquallyNearToBothIsNeither) {
  const Answer answer = AnswerTo(Seen({0, 0, 0, 0}));
  EXPECT_EQ(answer.candidates[0].probability, answer.candidates[1].probability);
  EXPECT_EQ(answer.text(), kNoneOfThese);
}

TEST(AnswerFor, EquallyNearIsUndecided) {
  Eigen::MatrixXd logs = Distances();
  for (const Eigen::Index a : {0, 1}) logs(a, a + 2) = logs(a + 2, a) = -2;
  const Answer answer = AnswerFor(kQuestion, logs, Seen({0, 0, 0, 0}));
  EXPECT_EQ(answer.text(), kUndecided);
  EXPECT_FALSE(answer.confidence().has_value());
}

TEST(AnswerFor, IdenticalBitsDecideAlone) {
  const Answer answer = AnswerTo(Seen({0.0, -4.6, 3, 3}, {0, 1, 0, 0}));
  EXPECT_EQ(answer.text(), "a");
  EXPECT_EQ(answer.confidence(), 1.0);
  EXPECT_EQ(answer.none_of_these, 0.0);
  const Answer both = AnswerTo(Seen({-4.6, 0, -4.6, 3}, {1, 0, 1, 0}));
  EXPECT_EQ(both.text(), kUndecided);
  EXPECT_EQ(both.candidates[0].probability, 0.5);
  EXPECT_EQ(both.candidates[1].probability, 0.5);
}

TEST(AnswerFor, NothingComparableHasNoProbabilities) {
  const Answer answer = AnswerTo(Seen({kNaN, kNaN, kNaN, kNaN}));
  EXPECT_EQ(answer.text(), kUndecided);
  EXPECT_FALSE(answer.none_of_these.has_value());
  EXPECT_FALSE(answer.candidates[0].distance.has_value());
  EXPECT_FALSE(answer.candidates[0].p_value.has_value());
}

TEST(AnswerFor, OneKnownRunAllowsNoProbabilities) {
  const Question question = {{"a"}, {0}, {0}, 1};
  const Eigen::MatrixXd logs = Eigen::MatrixXd::Constant(1, 1, kNaN);
  Sighting sighting;
  sighting.log_distances = Eigen::VectorXd::Constant(1, 0.5);
  sighting.identical = {false};
  const Answer answer = AnswerFor(question, logs, sighting);
  EXPECT_EQ(answer.text(), kUndecided);
  EXPECT_EQ(answer.candidates[0].p_value, 1);
}

// Nearest of the same label elsewhere, the unknown's included: block 0 and 1 of "a" have 0.
TEST(ConformalPValue, IsTheShareOfBlocksAtLeastAsFar) {
  EXPECT_DOUBLE_EQ(*ConformalPValue(kQuestion, 0, Distances(), Seen({2, 2, 9, 9})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(*ConformalPValue(kQuestion, 0, Distances(), Seen({-1, 2, 9, 9})), 1);
  EXPECT_DOUBLE_EQ(*ConformalPValue(kQuestion, 0, Distances(), Seen({-1, -1, 9, 9})), 1);
}

// A p-value of 1/3 or less for the true value, in at most a third of trials (up to chance: three
// deviations).
TEST(ConformalPValue, RejectsTheTruthNoMoreOftenThanItSays) {
  TrialShape shape;
  int known = 0, rejected = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Trial trial = RunTrial(shape, seed);
    for (const Candidate& candidate : trial.answer.candidates) {
      if (candidate.label != trial.truth) continue;
      ++known;
      rejected += candidate.p_value.value() < 0.34;
    }
  }
  ASSERT_GT(known, 100);
  EXPECT_LT(rejected, known / 3.0 + 3 * std::sqrt(known * 2 / 9.0));
  EXPECT_GT(rejected, 0);
}

}  // namespace
}  // namespace forensics::analyzer
