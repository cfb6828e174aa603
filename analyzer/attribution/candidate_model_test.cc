#include "analyzer/attribution/candidate_model.h"

#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

// `n` blocks, in each of `n` labels a case of either kind: the truth at `near`, another at `far`.
std::vector<AttributionCase> Cases(size_t n, double near, double far) {
  std::vector<AttributionCase> cases;
  for (size_t block = 0; block < n; ++block) {
    for (size_t label = 0; label < n; ++label) {
      cases.push_back({{near, far}, 0, label, block});
      cases.push_back({{far, far + 1}, std::nullopt, label, block});
    }
  }
  return cases;
}

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(CandidateLearner, ProbabilitiesFollowTheDistances) {
  const CandidateModel model = *CandidateLearner(Cases(6, 0, 3)).Learn();
  EXPECT_EQ(model.cases(), 72u);
  const std::vector<double> near = model.Probabilities({0.0, 3.0});
  ASSERT_EQ(near.size(), 3u);
  EXPECT_NEAR(Sum(near), 1, 1e-12);
  EXPECT_GT(near[0], 0.85);
  EXPECT_LT(near[1], near[2]);
  EXPECT_GT(model.Probabilities({4.0, 5.0})[2], 0.85) << "none of these";
}

TEST(CandidateLearner, MoreGroupsMakeSurer) {
  double before = 0;
  for (const size_t n : {1, 3, 10, 20}) {
    const double right = CandidateLearner(Cases(n, 0, 2)).Learn()->Probabilities({0.0, 2.0})[0];
    EXPECT_GT(right, before) << n;
    EXPECT_LT(right, 1) << n;
    before = right;
  }
  EXPECT_GT(before, 0.95);
}

// Cases of one block, or of one label, are not independent of each other.
TEST(CandidateLearner, MoreCasesInTheSameGroupsDoNot) {
  std::vector<AttributionCase> cases = Cases(2, 0, 2);
  const double few = CandidateLearner(cases).Learn()->Probabilities({0.0, 2.0})[0];
  const std::vector<AttributionCase> once = cases;
  for (int i = 0; i < 8; ++i) cases.insert(cases.end(), once.begin(), once.end());
  const double many = CandidateLearner(cases).Learn()->Probabilities({0.0, 2.0})[0];
  const double other_groups =
      CandidateLearner(Cases(6, 0, 2)).Learn()->Probabilities({0.0, 2.0})[0];
  EXPECT_LT(many - few, (other_groups - few) / 2);
}

// Where the nearest was as often wrong as right in independent cases, distances say nothing.
TEST(CandidateLearner, IsUnsureWhereDistancesMisled) {
  std::vector<AttributionCase> cases;
  for (size_t i = 0; i < 20; ++i) {
    cases.push_back({{0, 1}, i % 2, i, i});
    cases.push_back({{0, 1}, std::nullopt, i, i});
  }
  const std::vector<double> p = CandidateLearner(cases).Learn()->Probabilities({0.0, 1.0});
  EXPECT_NEAR(p[0], 0.25, 0.1);
  EXPECT_NEAR(p[1], 0.25, 0.1);
  EXPECT_NEAR(p[2], 0.5, 0.1);
}

// However many candidates there are: none of these is as probable as all of them together.
TEST(CandidateLearner, EqualDistancesLeaveThePrior) {
  for (const size_t candidates : {2, 5, 20}) {
    std::vector<AttributionCase> cases;
    const std::vector<double> scores(candidates, 1.0);
    for (size_t i = 0; i < 20; ++i) {
      cases.push_back({scores, i % candidates, i % candidates, i});
      cases.push_back({scores, std::nullopt, i % candidates, i});
    }
    const std::vector<double> p = CandidateLearner(cases).Learn()->Probabilities(scores);
    EXPECT_NEAR(p.back(), 0.5, 1e-6) << candidates;
    EXPECT_DOUBLE_EQ(p[0], p[1]);
  }
}

TEST(CandidateLearner, TheUnitOfDistancesDoesNotMatter) {
  const std::vector<double> p = CandidateLearner(Cases(3, 0, 2)).Learn()->Probabilities({0.5, 2.0});
  const std::vector<double> scaled =
      CandidateLearner(Cases(3, 7, 9)).Learn()->Probabilities({7.5, 9.0});
  for (size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(scaled[i], p[i], 1e-9);
}

TEST(CandidateLearner, LeavesOutABlock) {
  std::vector<AttributionCase> cases = Cases(3, 0, 2);
  for (size_t label = 0; label < 3; ++label) cases.push_back({{2.0, 0.0}, 0, label, 3});
  for (size_t label = 0; label < 3; ++label) cases.push_back({{0.0, 1.0}, std::nullopt, label, 3});
  const CandidateLearner learner(cases);
  EXPECT_EQ(learner.Learn()->cases(), 24u);
  EXPECT_EQ(learner.Learn(3)->cases(), 18u);
  EXPECT_LT(learner.Learn()->Probabilities({0.0, 2.0})[0],
            learner.Learn(3)->Probabilities({0.0, 2.0})[0])
      << "the misleading block";
}

TEST(CandidateLearner, NeedsCasesOfEitherKind) {
  EXPECT_FALSE(CandidateLearner({}).Learn().has_value());
  const AttributionCase present[] = {{{0, 1}, 0}};
  EXPECT_FALSE(CandidateLearner(present).Learn().has_value());
  const AttributionCase absent[] = {{{0, 1}, std::nullopt}};
  EXPECT_FALSE(CandidateLearner(absent).Learn().has_value());
  EXPECT_FALSE(CandidateLearner(Cases(1, 0, 1)).Learn(0).has_value());
}

}  // namespace
}  // namespace forensics::analyzer
