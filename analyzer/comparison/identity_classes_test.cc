#include "analyzer/comparison/identity_classes.h"

#include <limits>
#include <string>
#include <utility>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

const std::set<SignalId> kAll = {kHidden1, kHidden2, kKeys1, kLogProbsId};

using Names = std::vector<std::vector<std::string>>;

// An experiment of configurations "a", "b", ... whose signals are apart by their offsets.
Experiment Offsets(const std::vector<float>& offsets) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  for (size_t i = 0; i < offsets.size(); ++i) {
    AddRun(experiment, std::string(1, static_cast<char>('a' + i)), "A100", static_cast<int64_t>(i),
           offsets[i]);
  }
  return experiment;
}

std::map<SignalId, PhaseClasses> Classes(const Experiment& experiment) {
  std::vector<ComparedRun> runs;
  for (size_t i = 0; i < experiment.configurations.size(); ++i) {
    const bool is_stored = i < experiment.runs.size() && experiment.runs[i].stored();
    runs.push_back({&experiment.configurations[i], is_stored ? &experiment.runs[i] : nullptr});
  }
  return FindIdentityClasses(runs, kAll);
}

Names ClassesOf(const Experiment& experiment, const SignalId& signal, Phase phase = Phase::kAll) {
  Names names;
  const PhaseClasses classes = Classes(experiment).at(signal);
  for (const auto& members : classes[static_cast<size_t>(phase)].classes) {
    std::vector<std::string>& named = names.emplace_back();
    for (const Configuration* member : members) named.push_back(member->config_id);
  }
  return names;
}

TEST(IdentityClasses, AreOfEqualBitsInTheOrderOfTheirFirstMembers) {
  for (const SignalId& signal : kAll) {
    EXPECT_EQ(ClassesOf(Offsets({1, 2, 1, 2, 3}), signal), (Names{{"a", "c"}, {"b", "d"}, {"e"}}));
  }
}

TEST(IdentityClasses, EachLayerAndPhaseHasItsOwn) {
  Experiment experiment = Offsets({1, 1});
  SetVector(experiment.runs[1], kHidden2, {2, -1}, {5, 8, 2, 2});
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a", "b"}}));
  EXPECT_EQ(ClassesOf(experiment, kHidden2), (Names{{"a"}, {"b"}}));
  EXPECT_EQ(ClassesOf(experiment, kHidden2, Phase::kPrefill), (Names{{"a", "b"}}));
  EXPECT_EQ(ClassesOf(experiment, kHidden2, Phase::kDecode), (Names{{"a"}, {"b"}}));
}

TEST(IdentityClasses, SayFromWhichPositionOnTheyPartFromTheFirst) {
  Experiment experiment = Offsets({1, 1, 2});
  SetVector(experiment.runs[1], kHidden2, {1, -1}, {5, 8, 1, 2});
  SetVector(experiment.runs[1], kHidden2, {2, -1}, {5, 8, 2, 2});
  const PhaseClasses classes = Classes(experiment).at(kHidden2);
  EXPECT_THAT(classes[0].parted_at, ElementsAre(std::nullopt, Optional(1), Optional(-2)));
  EXPECT_THAT(classes[1].parted_at, ElementsAre(std::nullopt, Optional(-2))) << "prefill";
}

TEST(IdentityClasses, IdenticalMeansIdenticalBits) {
  EXPECT_EQ(ClassesOf(Offsets({0.0f, -0.0f}), kHidden1), (Names{{"a"}, {"b"}}));
  Experiment experiment = Offsets({1, 1, 1});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (size_t i = 0; i < 2; ++i) SetVector(experiment.runs[i], kHidden1, {0, -1}, {nan, 8, 0, 1});
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a", "b"}, {"c"}})) << "NaNs of equal bits";
  SetVector(experiment.runs[0], kHidden1, {0, -1}, {nan, 8, 0});
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a"}, {"b"}, {"c"}})) << "a shorter vector";
}

TEST(IdentityClasses, WithoutAValueAConfigurationIsInNone) {
  Experiment experiment = Offsets({1, 1, 1});
  experiment.runs[1].vectors.erase(kHidden1);
  experiment.runs[2].steps.clear();
  const IdentityClasses classes = Classes(experiment).at(kHidden1)[0];
  EXPECT_THAT(classes.classes, ElementsAre(ElementsAre(&experiment.configurations[0])));
  EXPECT_THAT(classes.not_stored,
              ElementsAre(&experiment.configurations[1], &experiment.configurations[2]));
}

TEST(IdentityClasses, OneThatLacksValuesJoinsWhatItDoesNotContradict) {
  Experiment experiment = Offsets({1, 1, 1});
  SetVector(experiment.runs[1], kHidden1, {2, -1}, {5, 8, 2, 1});
  experiment.runs[2].vectors[kHidden1].erase({2, -1});
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a", "c"}, {"b"}}));
}

TEST(IdentityClasses, ValuesBehindOtherTokensAreNotCompared) {
  Experiment experiment = Offsets({1, 1});
  experiment.runs[1].steps[1].token_id = 5;
  SetVector(experiment.runs[1], kHidden1, {2, -1}, {5, 8, 2, 1});
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a", "b"}}));
  experiment.runs[1].prompt_text = "another";
  experiment.runs[0].prompt_text = "one";
  EXPECT_EQ(ClassesOf(experiment, kHidden1), (Names{{"a"}, {"b"}})) << "nothing to compare";
}

TEST(IdentityClasses, LogProbsWithOtherIdsDiffer) {
  Experiment experiment = Offsets({1, 1});
  experiment.runs[1].log_probs[{0, -1}].token_ids = {7, 8, 90};
  EXPECT_EQ(ClassesOf(experiment, kLogProbsId), (Names{{"a"}, {"b"}}));
  EXPECT_EQ(ClassesOf(experiment, kLogProbsId, Phase::kDecode), (Names{{"a", "b"}}));
}

TEST(IdentityClasses, OfAnEmptyExperimentAreNone) {
  EXPECT_THAT(ClassesOf(Offsets({}), kHidden1), IsEmpty());
}

}  // namespace
}  // namespace forensics::analyzer
