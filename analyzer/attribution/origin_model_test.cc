#include "analyzer/attribution/origin_model.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// All of `labels` labels in all of `blocks` blocks, label by label.
Question Full(size_t labels, size_t blocks) {
  Question question;
  question.blocks = blocks;
  for (size_t label = 0; label < labels; ++label) {
    question.names.push_back(std::to_string(label));
    for (size_t block = 0; block < blocks; ++block) {
      question.label.push_back(label);
      question.block.push_back(block);
    }
  }
  return question;
}

// Two runs differ by `label`, by `block`, or by both, whose squares add up.
double Expected(bool same_label, bool same_block, double label, double block) {
  return std::log(std::hypot(same_label ? 0 : label, same_block ? 0 : block));
}

Eigen::MatrixXd Distances(const Question& question, double label, double block) {
  const auto n = static_cast<Eigen::Index>(question.label.size());
  Eigen::MatrixXd logs = Eigen::MatrixXd::Constant(n, n, kNaN);
  for (size_t i = 0; i < question.label.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      logs(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          logs(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) =
              Expected(question.label[i] == question.label[j],
                       question.block[i] == question.block[j], label, block);
    }
  }
  return logs;
}

// What a run of `label` in `block` sees; either may be new.
Eigen::VectorXd SeenFrom(size_t label, size_t block, const Question& question, double of_label,
                         double of_block) {
  Eigen::VectorXd seen(static_cast<Eigen::Index>(question.label.size()));
  for (size_t i = 0; i < question.label.size(); ++i) {
    seen(static_cast<Eigen::Index>(i)) =
        Expected(question.label[i] == label, question.block[i] == block, of_label, of_block);
  }
  return seen;
}

constexpr size_t kNew = 99;

LabelProbabilities Found(size_t labels, size_t blocks, size_t label, size_t block,
                         double of_label = 20, double of_block = 1) {
  const Question question = Full(labels, blocks);
  return ProbabilitiesOf(question,
                         *LibraryDistancesOf(question, Distances(question, of_label, of_block)),
                         SeenFrom(label, block, question, of_label, of_block));
}

double Sum(const LabelProbabilities& found) {
  double sum = found.none_of_these;
  for (const auto& one : found.labels) sum += one.value_or(0);
  return sum;
}

TEST(LibraryDistancesOf, AreMeanSquaresByLabelAndByBlock) {
  const Question question = Full(2, 3);
  const auto library = LibraryDistancesOf(question, Distances(question, 20, 1));
  ASSERT_TRUE(library.has_value());
  EXPECT_NEAR(library->labels(0, 1), 400, 1e-9);
  EXPECT_NEAR(library->blocks(2, 1), 1, 1e-12);
  EXPECT_EQ(library->labels(1, 1), 0);
  EXPECT_EQ(library->pairs, 15u);
  EXPECT_EQ(LibraryDistancesOf(question, Distances(question, 20, 1), 0)->pairs, 10u);
}

TEST(LibraryDistancesOf, NeedsALabelInTwoBlocksAndTwoLabels) {
  for (const auto& [labels, blocks] : {std::pair(1, 1), {2, 1}, {1, 2}}) {
    const Question question = Full(static_cast<size_t>(labels), static_cast<size_t>(blocks));
    EXPECT_FALSE(LibraryDistancesOf(question, Distances(question, 20, 1)).has_value());
  }
}

TEST(ProbabilitiesOf, AKnownLabelInANewBlockIsFound) {
  for (const auto& [labels, blocks] : {std::pair(2, 2), {5, 3}, {2, 20}}) {
    const LabelProbabilities found =
        Found(static_cast<size_t>(labels), static_cast<size_t>(blocks), 1, kNew);
    EXPECT_NEAR(Sum(found), 1, 1e-12);
    EXPECT_EQ(Decide(found), 1u);
    EXPECT_GT(*found.labels[1], 0.85);
  }
}

// Also in a block that is known, which is nearer to it than any known label is elsewhere.
TEST(ProbabilitiesOf, ANewLabelIsNoneOfTheseInAnyBlock) {
  for (const size_t block : {size_t{1}, kNew}) {
    for (const double of_label : {3.0, 20.0, 1000.0}) {
      const LabelProbabilities found = Found(4, 3, kNew, block, of_label);
      EXPECT_EQ(Decide(found), 4u) << of_label;
      EXPECT_GT(found.none_of_these, of_label > 10 ? 0.95 : 0.6) << of_label;
    }
  }
}

// The other question: hardware hardly moves anything beside setups. That the setup is new shows, so
// new hardware on a known one is out; between the rest the prior tells.
TEST(ProbabilitiesOf, ALabelThatDrownsInItsBlocksLeavesThePrior) {
  for (const size_t blocks : {2, 5}) {
    const LabelProbabilities found = Found(3, blocks, 1, kNew, 0.01, 20);
    EXPECT_NEAR(found.none_of_these, 1.0 / 3, 0.05);
    for (const auto& one : found.labels) EXPECT_NEAR(*one, 2.0 / 9, 0.05);
  }
}

// A new block beside few known ones is of a label as surely as they tell, however many runs.
TEST(ProbabilitiesOf, MoreLabelsAndBlocksMakeSurerAndMoreOfTheSameRunsDoNot) {
  double before = 0;
  for (const size_t n : {2, 3, 5, 10}) {
    const double right = *Found(n, n, 1, kNew).labels[1];
    EXPECT_GT(right, before) << n;
    EXPECT_LT(right, 0.995) << n;
    before = right;
  }
  const double few = *Found(2, 2, 1, kNew, 3).labels[1];
  EXPECT_LT(*Found(2, 20, 1, kNew, 3).labels[1], few + 0.1);
}

TEST(ProbabilitiesOf, TheUnitOfDistancesDoesNotMatter) {
  const LabelProbabilities one = Found(3, 3, 2, kNew, 3, 1);
  const LabelProbabilities other = Found(3, 3, 2, kNew, 3000, 1000);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(*one.labels[i], *other.labels[i], 1e-9);
}

// Another tie than of all: nearer to two labels than to the third.
TEST(ProbabilitiesOf, LabelsThatNothingTellsApartAreUndecided) {
  const Question question = Full(3, 2);
  Eigen::MatrixXd logs = Distances(question, 20, 1);
  Eigen::VectorXd seen = SeenFrom(0, kNew, question, 20, 1);
  for (const Eigen::Index a : {0, 1}) {
    for (const Eigen::Index b : {2, 3}) logs(a, b) = logs(b, a) = a + 2 == b ? -4.6 : 0;
    seen(a + 2) = seen(a);
  }
  const LabelProbabilities found =
      ProbabilitiesOf(question, *LibraryDistancesOf(question, logs), seen);
  EXPECT_NEAR(*found.labels[0], *found.labels[1], 1e-9);
  EXPECT_LT(*found.labels[2], 0.05);
  EXPECT_EQ(Decide(found), 4u);
}

// Effects that all move signals the same way do not add up in squares; it is found all the same.
TEST(ProbabilitiesOf, EffectsAlongOneLine) {
  const double of_label[] = {0, 10, 40, 100};
  const Question question = Full(4, 3);
  const auto place = [&](size_t i) {
    return of_label[question.label[i]] + static_cast<double>(question.block[i]);
  };
  Eigen::MatrixXd logs = Distances(question, 1, 1);
  Eigen::VectorXd seen(logs.rows());
  const double unknown = of_label[2] + 3;
  for (Eigen::Index i = 0; i < logs.rows(); ++i) {
    for (Eigen::Index j = 0; j < logs.rows(); ++j) {
      if (i == j) continue;
      logs(i, j) =
          std::log(std::abs(place(static_cast<size_t>(i)) - place(static_cast<size_t>(j))));
    }
    seen(i) = std::log(std::abs(place(static_cast<size_t>(i)) - unknown));
  }
  const LabelProbabilities found =
      ProbabilitiesOf(question, *LibraryDistancesOf(question, logs), seen);
  EXPECT_EQ(Decide(found), 2u);
  EXPECT_GT(*found.labels[2], 0.6);
  Question of_block = question;
  std::swap(of_block.label, of_block.block);
  of_block.names.resize(3);
  of_block.blocks = 4;
  EXPECT_GT(ProbabilitiesOf(of_block, *LibraryDistancesOf(of_block, logs), seen).none_of_these, 0.6)
      << "a new block";
}

// The library lacks label 1 in block 1, and the unknown is that.
TEST(ProbabilitiesOf, AKnownLabelInAKnownBlockThatLacksIt) {
  Question question = Full(3, 3);
  const size_t lacking = 4;
  question.label.erase(question.label.begin() + lacking);
  question.block.erase(question.block.begin() + lacking);
  const LabelProbabilities found =
      ProbabilitiesOf(question, *LibraryDistancesOf(question, Distances(question, 20, 3)),
                      SeenFrom(1, 1, question, 20, 3));
  EXPECT_EQ(Decide(found), 1u);
  EXPECT_GT(*found.labels[1], 0.85);
}

TEST(ProbabilitiesOf, ALabelOfWhichNothingIsSeenHasNoProbability) {
  const Question question = Full(3, 2);
  Eigen::VectorXd seen = SeenFrom(1, kNew, question, 20, 1);
  seen(0) = seen(1) = kNaN;
  const LabelProbabilities found =
      ProbabilitiesOf(question, *LibraryDistancesOf(question, Distances(question, 20, 1)), seen);
  EXPECT_FALSE(found.labels[0].has_value());
  EXPECT_EQ(Decide(found), 1u);
  EXPECT_NEAR(Sum(found), 1, 1e-12);
}

// No pair tells how far the labels are apart in one block; those of other blocks do.
TEST(ProbabilitiesOf, LabelsThatShareNoBlock) {
  const Question question = {{"0", "1"}, {0, 0, 1}, {0, 1, 2}, 3};
  const LabelProbabilities found =
      ProbabilitiesOf(question, *LibraryDistancesOf(question, Distances(question, 20, 1)),
                      SeenFrom(0, kNew, question, 20, 1));
  EXPECT_EQ(Decide(found), 0u);
}

// Many origins share what is as good as certain.
TEST(ProbabilitiesOf, RoundingMakesNoneMoreProbableThan1) {
  for (size_t labels = 2; labels < 8; ++labels) {
    const Question question = Full(labels, 3);
    const LibraryDistances library = *LibraryDistancesOf(question, Distances(question, 20, 1));
    for (double log_distance = 4; log_distance < 90; log_distance += 1.5) {
      const LabelProbabilities found =
          ProbabilitiesOf(question, library,
                          Eigen::VectorXd::Constant(
                              static_cast<Eigen::Index>(question.label.size()), log_distance));
      EXPECT_LE(found.none_of_these, 1) << labels << " labels, " << log_distance;
    }
  }
}

TEST(Decide, TakesTheMostProbable) {
  EXPECT_EQ(Decide({{0.2, 0.5}, 0.3}), 1u);
  EXPECT_EQ(Decide({{0.2, 0.1}, 0.7}), 2u) << "none of these";
  EXPECT_EQ(Decide({{0.4, 0.4}, 0.2}), 3u) << "a tie";
  EXPECT_EQ(Decide({{0.25, 0.25}, 0.5}), 3u) << "a tie with none of these";
  EXPECT_EQ(Decide({{0.2, 0.2}, 0.6}), 2u);
  EXPECT_EQ(Decide({{std::nullopt, 0.6}, 0.4}), 1u);
  EXPECT_EQ(Decide({{std::nullopt}, 0}), 2u);
}

}  // namespace
}  // namespace forensics::analyzer
