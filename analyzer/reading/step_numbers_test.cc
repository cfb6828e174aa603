#include "analyzer/reading/step_numbers.h"

#include <optional>
#include <tuple>
#include <vector>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Three steps that are numbered from `first`, with the signals of a run that is numbered from 0.
RunRecord RunFrom(int64_t first) {
  const RunRecord from_0 = MakeRun("A100_bs1");
  RunRecord run = from_0;
  run.steps.clear();
  run.vectors.clear();
  run.log_probs.clear();
  for (const auto& [number, step] : from_0.steps) run.steps[number + first] = step;
  for (const auto& [signal, vectors] : from_0.vectors) {
    for (const auto& [at, vector] : vectors) {
      run.vectors[signal][{at.step + first, at.position}] = vector;
    }
  }
  for (const auto& [at, list] : from_0.log_probs) {
    run.log_probs[{at.step + first, at.position}] = list;
  }
  return run;
}

// Step, position and values of all vectors.
std::vector<std::tuple<int64_t, int, std::vector<float>>> VectorsOf(const RunRecord& run) {
  std::vector<std::tuple<int64_t, int, std::vector<float>>> all;
  for (const auto& [signal, vectors] : run.vectors) {
    for (const auto& [at, vector] : vectors) all.emplace_back(at.step, at.position, *vector);
  }
  return all;
}

std::vector<int64_t> StepsOf(const RunRecord& run) {
  std::vector<int64_t> steps;
  for (const auto& [number, step] : run.steps) steps.push_back(number);
  return steps;
}

// The numbers of the steps of a run from 1, in a file that says it has `decode_steps`.
std::vector<int64_t> Numbered(std::optional<int64_t> decode_steps, int64_t first_of_another) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.decode_steps = decode_steps;
  experiment.runs = {RunFrom(1), RunFrom(first_of_another)};
  NumberStepsFromZero(experiment);
  return StepsOf(experiment.runs[0]);
}

TEST(NumberStepsFromZero, MovesStepsAndSignalsAndSaysSo) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.decode_steps = 3;
  experiment.runs = {RunFrom(1)};
  NumberStepsFromZero(experiment);
  const RunRecord& run = experiment.runs[0];
  const RunRecord expected = RunFrom(0);
  EXPECT_THAT(StepsOf(run), ElementsAre(0, 1, 2));
  EXPECT_EQ(VectorsOf(run), VectorsOf(expected));
  ASSERT_EQ(run.log_probs.size(), expected.log_probs.size());
  EXPECT_EQ(run.log_probs.begin()->first, expected.log_probs.begin()->first);
  EXPECT_THAT(experiment.findings,
              ElementsAre("1 runs number their steps from 1, first A100_bs1 rep 0; they are taken "
                          "as numbered from 0, as the others of this format"));
}

TEST(NumberStepsFromZero, LeavesARunThatLacksStep0AsItIs) {
  EXPECT_THAT(Numbered(3, 0), ElementsAre(0, 1, 2)) << "1 to decode_steps";
  EXPECT_THAT(Numbered(4, 1), ElementsAre(1, 2, 3)) << "one of four is missing";
  EXPECT_THAT(Numbered(std::nullopt, 1), ElementsAre(0, 1, 2)) << "so are all";
  EXPECT_THAT(Numbered(std::nullopt, 0), ElementsAre(1, 2, 3)) << "another has step 0";
}

TEST(NumberStepsFromZero, LeavesOtherRunsAsTheyAre) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.decode_steps = 3;
  experiment.runs = {RunFrom(0), RunFrom(2), RunFrom(1)};
  experiment.runs[2].steps.erase(2);
  NumberStepsFromZero(experiment);
  EXPECT_THAT(StepsOf(experiment.runs[0]), ElementsAre(0, 1, 2));
  EXPECT_THAT(StepsOf(experiment.runs[1]), ElementsAre(2, 3, 4));
  EXPECT_THAT(StepsOf(experiment.runs[2]), ElementsAre(1, 3));
  EXPECT_THAT(experiment.findings, IsEmpty());
}

}  // namespace
}  // namespace forensics::analyzer
