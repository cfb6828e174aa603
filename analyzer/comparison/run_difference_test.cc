#include "analyzer/comparison/run_difference.h"

#include "analyzer/comparison/reproducibility.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr char kConfig[] = "A100_bs1";
constexpr SignalId kHeadline = kHidden2;

RunRecord Repetition(int64_t rep_id, float offset) {
  RunShape shape;
  shape.rep_id = rep_id;
  shape.offset = offset;
  return MakeRun(kConfig, shape);
}

Experiment WithRuns(const std::vector<RunRecord>& runs, bool release) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.configurations = {MakeConfiguration(kConfig, "A100", int64_t{1})};
  for (RunRecord run : runs) {
    if (release) ReleaseIfDiffering(kHeadline, experiment, run);
    experiment.runs.push_back(std::move(run));
  }
  return experiment;
}

// Whatever order the repetitions come in, and whichever of them differ.
TEST(ReleaseIfDiffering, ChangesNothingOfWhatIsSaidOfRepetitions) {
  RunRecord keys_differ = Repetition(1, 0);
  SetVector(keys_differ, kKeys1, {1, -1}, {7, 7});
  RunRecord keys_differ_too = keys_differ;
  keys_differ_too.rep_id = 3;
  RunRecord other_token = Repetition(2, 4);
  other_token.steps[2].token_id = 999;
  RunRecord digest_alone;
  digest_alone.config_id = kConfig;
  digest_alone.signals_sha256 = "d";
  RunRecord tied_by_digest = Repetition(4, 2);
  tied_by_digest.signals_sha256 = "d";
  const RunRecord first = Repetition(0, 0), same = Repetition(5, 0), zero = Repetition(1, 0);
  const std::vector<std::vector<RunRecord>> cases = {
      {first, keys_differ, same},
      {first, keys_differ, keys_differ_too},
      {same, keys_differ, first},
      {keys_differ, first, keys_differ_too, same},
      {first, other_token, keys_differ},
      {digest_alone, zero, tied_by_digest},
      {digest_alone, tied_by_digest, zero, other_token},
      {first, first, other_token, other_token},
      {keys_differ, Repetition(2, 1), Repetition(3, 2), first}};
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const Experiment whole = WithRuns(cases[i], false);
    const Experiment released = WithRuns(cases[i], true);
    const Reproducibility expected =
        CheckReproducibility(whole, whole.configurations[0], kHeadline);
    const Reproducibility found =
        CheckReproducibility(released, released.configurations[0], kHeadline);
    EXPECT_EQ(found.reproducible, expected.reproducible);
    EXPECT_EQ(found.note, expected.note);
    ASSERT_EQ(found.pairs.size(), expected.pairs.size());
    for (size_t pair = 0; pair < found.pairs.size(); ++pair) {
      EXPECT_EQ(found.pairs[pair].name, expected.pairs[pair].name);
      EXPECT_EQ(found.pairs[pair].equal, expected.pairs[pair].equal);
      EXPECT_EQ(found.pairs[pair].l2, expected.pairs[pair].l2);
    }
    ASSERT_NE(found.compared_run, nullptr);
    EXPECT_FALSE(found.compared_run->released.has_value());
    EXPECT_EQ(found.compared_run - released.runs.data(), expected.compared_run - whole.runs.data());
  }
}

TEST(ReleaseIfDiffering, KeepsTheHeadlineAloneOfWhatDiffers) {
  const Experiment experiment =
      WithRuns({Repetition(0, 0), Repetition(1, 3), Repetition(2, 0)}, true);
  EXPECT_FALSE(experiment.runs[0].released.has_value());
  ASSERT_TRUE(experiment.runs[1].released.has_value());
  EXPECT_EQ(experiment.runs[1].vectors.at(kHeadline).size(), 9u);
  EXPECT_TRUE(experiment.runs[1].vectors.at(kKeys1).empty());
  EXPECT_FALSE(experiment.runs[2].released.has_value());
}

TEST(SameBits, OfRepetitionsThatWereReleased) {
  const Experiment experiment =
      WithRuns({Repetition(0, 0), Repetition(1, 3), Repetition(2, 3), Repetition(3, 4)}, true);
  EXPECT_TRUE(SameBits(experiment.runs[1], experiment.runs[2]));
  EXPECT_FALSE(SameBits(experiment.runs[1], experiment.runs[3]));
  EXPECT_FALSE(SameBits(experiment.runs[0], experiment.runs[1]));
  EXPECT_TRUE(SameBits(experiment.runs[2], Repetition(7, 3)));
}

}  // namespace
}  // namespace forensics::analyzer
