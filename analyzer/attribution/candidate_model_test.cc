#include "analyzer/attribution/candidate_model.h"

#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

// `n` cases of either kind: the truth at `near`, another candidate at `far`.
std::vector<AttributionCase> Cases(int n, double near, double far) {
  std::vector<AttributionCase> cases;
  for (int i = 0; i < n; ++i) {
    cases.push_back({{near, far}, 0});
    cases.push_back({{far, far + 1}, std::nullopt});
  }
  return cases;
}

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(CandidateLearner, ProbabilitiesFollowTheDistances) {
  const CandidateModel model = *CandidateLearner(Cases(6, 0, 3)).Learn();
  EXPECT_EQ(model.cases(), 12u);
  const std::vector<double> near = model.Probabilities({0.0, 3.0});
  ASSERT_EQ(near.size(), 3u);
  EXPECT_NEAR(Sum(near), 1, 1e-12);
  EXPECT_GT(near[0], 0.85);
  EXPECT_LT(near[1], near[2]);
  EXPECT_GT(model.Probabilities({4.0, 5.0})[2], 0.85) << "none of these";
}

TEST(CandidateLearner, MoreCasesMakeSurer) {
  double before = 0;
  for (const int n : {1, 3, 10, 50}) {
    const double right = CandidateLearner(Cases(n, 0, 2)).Learn()->Probabilities({0.0, 2.0})[0];
    EXPECT_GT(right, before) << n;
    EXPECT_LT(right, 1) << n;
    before = right;
  }
  EXPECT_GT(before, 0.95);
}

// Where the nearest was as often wrong as right, distances say nothing.
TEST(CandidateLearner, IsUnsureWhereDistancesMisled) {
  std::vector<AttributionCase> cases;
  for (int i = 0; i < 20; ++i) {
    cases.push_back({{0, 1}, i % 2});
    cases.push_back({{0, 1}, std::nullopt});
  }
  const std::vector<double> p = CandidateLearner(cases).Learn()->Probabilities({0.0, 1.0});
  EXPECT_NEAR(p[0], 0.25, 0.15);
  EXPECT_NEAR(p[1], 0.25, 0.15);
  EXPECT_NEAR(p[2], 0.5, 0.1);
}

TEST(CandidateLearner, EqualDistancesAreEquallyProbable) {
  const std::vector<double> p = CandidateLearner(Cases(5, 0, 2)).Learn()->Probabilities({1.0, 1.0});
  EXPECT_DOUBLE_EQ(p[0], p[1]);
}

TEST(CandidateLearner, LeavesOutWhatItIsToldTo) {
  std::vector<AttributionCase> cases = Cases(4, 0, 2);
  const std::vector<double> without = CandidateLearner(cases).Learn()->Probabilities({0.0, 2.0});
  cases.push_back({{9, 0}, 0});
  const CandidateLearner learner(cases);
  const size_t misleading[] = {8};
  EXPECT_EQ(learner.Learn(misleading)->Probabilities({0.0, 2.0}), without);
  EXPECT_NE(learner.Learn()->Probabilities({0.0, 2.0}), without);
}

TEST(CandidateLearner, NeedsCasesOfEitherKind) {
  EXPECT_FALSE(CandidateLearner({}).Learn().has_value());
  const AttributionCase present[] = {{{0, 1}, 0}};
  EXPECT_FALSE(CandidateLearner(present).Learn().has_value());
  const AttributionCase absent[] = {{{0, 1}, std::nullopt}};
  EXPECT_FALSE(CandidateLearner(absent).Learn().has_value());
}

}  // namespace
}  // namespace forensics::analyzer
