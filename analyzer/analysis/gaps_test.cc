#include "analyzer/analysis/gaps.h"

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Headline, IsTheHiddenStateOfTheLastLayerListed) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.layers = {1, 2, 4, 12, 47};
  EXPECT_EQ(SignalName(HeadlineSignal(experiment)), "hidden_states/layer_47");
  experiment.layers = {};
  experiment.runs = {MakeRun("A100_bs1")};
  EXPECT_EQ(SignalName(HeadlineSignal(experiment)), "hidden_states/layer_2") << "highest stored";
}

TEST(Headline, IsASignalOfAnyExperiment) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.layers = {};
  SetVector(experiment.runs.emplace_back(), kKeys1, {0, -1}, {1});
  EXPECT_EQ(SignalName(HeadlineSignal(experiment)), "hidden_states/layer_0") << "none is stored";
  EXPECT_THAT(SignalsOf(experiment), Contains(HeadlineSignal(experiment)));
  EXPECT_THAT(MissingInRun(experiment, experiment.runs[0]),
              Contains(HasSubstr("hidden_states/layer_0 is missing")));
}

TEST(Signals, AreThoseListedAndThoseStored) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.layers = {1};
  SetVector(experiment.runs.emplace_back(), {SignalKind::kKeyVectors, 9}, {0, -1}, {1});
  std::vector<std::string> names;
  for (const SignalId& signal : SignalsOf(experiment)) names.push_back(SignalName(signal));
  EXPECT_THAT(names, ElementsAre("hidden_states/layer_1", "key_vectors/layer_1",
                                 "key_vectors/layer_9", "logprobs"));
}

TEST(MissingInRun, ACompleteRunMissesNothing) {
  EXPECT_THAT(MissingInRun(MakeExperiment("batch_size", "batch_size"), MakeRun("A100_bs1")),
              IsEmpty());
}

TEST(MissingInRun, NamesLayerSignalStepAndPosition) {
  const Experiment experiment = MakeExperiment("batch_size", "batch_size");
  RunRecord run = MakeRun("A100_bs1");
  run.steps.erase(1);
  run.vectors.erase(kHidden2);
  run.vectors[kKeys1].erase({2, -2});
  run.log_probs.clear();
  EXPECT_THAT(
      MissingInRun(experiment, run),
      ElementsAre("A100_bs1 rep 0: 1 of 3 steps are missing, first step 1",
                  "A100_bs1 rep 0: hidden_states/layer_2 is missing",
                  "A100_bs1 rep 0: key_vectors/layer_1 is missing at 1 timepoints, first step 2, "
                  "pos_-2",
                  "A100_bs1 rep 0: logprobs is missing"));
}

TEST(MissingInRun, AHugeNumberOfStepsIsOneLine) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.decode_steps = int64_t{1} << 60;
  EXPECT_THAT(MissingInRun(experiment, MakeRun("A100_bs1")),
              ElementsAre("A100_bs1 rep 0: 1152921504606846973 of 1152921504606846976 steps are "
                          "missing, first step 3"));
}

TEST(OddRuns, WithoutConfigurationOrTwice) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  AddRun(experiment, "A100_bs1", "A100", int64_t{1}, 0);
  AddRun(experiment, "A100_bs1", "A100", int64_t{2}, 0);
  experiment.runs.push_back(MakeRun("H100_bs1"));
  EXPECT_THAT(OddRuns(experiment),
              ElementsAre("A100_bs1: this config_id is listed twice; the first one counts",
                          "A100_bs1 rep 0: this repetition is there more than once",
                          "H100_bs1 rep 0: no configuration has this config_id; left out"));
}

}  // namespace
}  // namespace forensics::analyzer
