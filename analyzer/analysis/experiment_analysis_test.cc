#include "analyzer/analysis/experiment_analysis.h"

#include <limits>
#include <utility>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

// Batch sizes 1, 2, 4 on A100 and H100. The distance of two configurations is the difference of
// their offsets.
Experiment BatchSizes() {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  AddRun(experiment, "A100_bs1", "A100-80GB", int64_t{1}, 0);
  AddRun(experiment, "A100_bs2", "A100-80GB", int64_t{2}, 4);
  AddRun(experiment, "A100_bs4", "A100-80GB", int64_t{4}, 8);
  AddRun(experiment, "H100_bs1", "H100", int64_t{1}, 1);
  AddRun(experiment, "H100_bs2", "H100", int64_t{2}, 6);
  AddRun(experiment, "H100_bs4", "H100", int64_t{4}, 17);
  return experiment;
}

TEST(CrossHardwareBaseline, IsTheDistanceOfEachValueThatBothHardwareHave) {
  Experiment experiment = BatchSizes();
  experiment.configurations.pop_back();  // H100_bs4
  const ExperimentReport report = Analyze(std::move(experiment));
  ASSERT_THAT(report.cross_hardware_baseline, SizeIs(1));
  const CrossHardwareBaseline& cross = report.cross_hardware_baseline[0];
  EXPECT_EQ(cross.hardware_a, "A100");
  EXPECT_EQ(cross.hardware_b, "H100");
  ASSERT_THAT(cross.pairs, SizeIs(2));
  EXPECT_EQ(cross.pairs[0].value, "1");
  EXPECT_EQ(cross.pairs[0].a->config_id, "A100_bs1");
  EXPECT_EQ(cross.pairs[0].b->config_id, "H100_bs1");
  EXPECT_THAT(cross.pairs[0].MeanL2(kHidden2), Optional(1.0));
  EXPECT_THAT(cross.pairs[1].MeanL2(kHidden2), Optional(2.0));
}

TEST(Noise, IsTheMeanOverValuesAndBesideItThatAtTheBaselineValue) {
  const ExperimentReport report = Analyze(BatchSizes());
  EXPECT_THAT(report.noise.at(kHidden2).mean, Optional((1 + 2 + 9) / 3.0));
  EXPECT_THAT(report.noise.at(kHidden2).at_baseline, Optional(1.0));
  EXPECT_THAT(report.noise.at(kKeys1).mean, Optional(2.0)) << "each signal has its own";
}

TEST(Noise, IsNotOfAGpuAndItsOwnEmulation) {
  Experiment experiment = BatchSizes();
  AddRun(experiment, "emulated_H100_bs1", "emulated:H100", int64_t{1}, 1);
  AddRun(experiment, "emulated_H100_bs2", "emulated:H100", int64_t{2}, 6);
  const ExperimentReport report = Analyze(std::move(experiment));
  // Each value on A100 and H100, two of them on A100 and the emulation.
  EXPECT_THAT(report.noise.at(kHidden2).mean, Optional((1 + 2 + 9 + 1 + 2) / 5.0));
  EXPECT_THAT(report.cross_hardware_baseline, SizeIs(2));
  // Runs of one arithmetic are not asked to answer for each other.
  EXPECT_THAT(report.leave_one_out.by_hardware.labels, ElementsAre("A100", "H100"));
}

TEST(Noise, ClassesThatDifferBetweenTheTwoAreMarked) {
  const ExperimentReport report = Analyze(BatchSizes());
  const ConfigurationPair& bs4 = report.within_hardware[0].pairs[1];
  const SignalVerdict& verdict = bs4.verdicts.at(kHidden2);
  EXPECT_THAT(verdict.by_mean.snr, Optional(8 / 4.0));
  EXPECT_EQ(verdict.by_mean.detectability, Detectability::kWeak);
  EXPECT_THAT(verdict.by_baseline.snr, Optional(8 / 1.0));
  EXPECT_EQ(verdict.by_baseline.detectability, Detectability::kModerate);
  EXPECT_TRUE(verdict.classes_differ());
}

TEST(WithinHardware, ComparesEachValueWithTheBaselineValue) {
  const ExperimentReport report = Analyze(BatchSizes());
  ASSERT_THAT(report.within_hardware, SizeIs(2));
  const WithinHardware& h100 = report.within_hardware[1];
  EXPECT_EQ(h100.hardware, "H100");
  EXPECT_EQ(h100.baseline->config_id, "H100_bs1");
  ASSERT_THAT(h100.pairs, SizeIs(2));
  EXPECT_EQ(h100.pairs[1].a->config_id, "H100_bs1");
  EXPECT_EQ(h100.pairs[1].b->config_id, "H100_bs4");
  EXPECT_EQ(h100.pairs[1].value, "4");
  EXPECT_THAT(h100.pairs[1].MeanL2(kHidden2), Optional(16.0));
}

TEST(CrossHardwareDetectability, ComparesVariantsWithTheOtherHardwaresBaselineInBothDirections) {
  const ExperimentReport report = Analyze(BatchSizes());
  ASSERT_THAT(report.cross_hardware, SizeIs(2));
  const CrossHardwareDetectability& forward = report.cross_hardware[0];
  EXPECT_EQ(forward.variant_hardware, "A100");
  EXPECT_EQ(forward.baseline_hardware, "H100");
  EXPECT_EQ(forward.pairs[0].a->config_id, "H100_bs1");
  EXPECT_EQ(forward.pairs[0].b->config_id, "A100_bs2");
  EXPECT_THAT(forward.pairs[0].MeanL2(kHidden2), Optional(3.0));
  const CrossHardwareDetectability& backward = report.cross_hardware[1];
  EXPECT_EQ(backward.variant_hardware, "H100");
  EXPECT_EQ(backward.pairs[1].b->config_id, "H100_bs4");
  EXPECT_THAT(backward.pairs[1].MeanL2(kHidden2), Optional(17.0));
  EXPECT_THAT(backward.pairs[1].verdicts.at(kHidden2).by_mean.snr, Optional(17 / 4.0));
}

TEST(Summary, HoldsMinMeanAndMaxOverHardwareAndValuesAndTheVerdictOfTheMax) {
  const SummaryRow row = Analyze(BatchSizes()).summary;
  EXPECT_THAT(row.baseline_l2, Optional(4.0));
  EXPECT_EQ(row.signal_l2.n, 4);
  EXPECT_EQ(row.signal_l2.min, 4);
  EXPECT_EQ(row.signal_l2.mean, (4 + 8 + 5 + 16) / 4.0);
  EXPECT_EQ(row.signal_l2.max, 16);
  EXPECT_THAT(row.by_mean.snr, Optional(4.0));
  EXPECT_EQ(row.by_mean.detectability, Detectability::kModerate);
  EXPECT_EQ(row.by_baseline.detectability, Detectability::kStrong);
}

TEST(Hardware, AnyNumberOfLabelsGivesEveryPair) {
  Experiment experiment = BatchSizes();
  AddRun(experiment, "cpu_bs1", "some CPU", int64_t{1}, 3);
  AddRun(experiment, "cpu_bs2", "some CPU", int64_t{2}, 3);
  const ExperimentReport report = Analyze(std::move(experiment));
  std::vector<std::string> pairs;
  for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
    pairs.push_back(cross.hardware_a + "-" + cross.hardware_b);
  }
  EXPECT_THAT(pairs, ElementsAre("A100-H100", "A100-some CPU", "H100-some CPU"));
  EXPECT_THAT(report.cross_hardware, SizeIs(6));
  // Distances of values 1, 2, 4: (1, 2, 9), (3, 1), (2, 3).
  EXPECT_THAT(report.noise.at(kHidden2).mean, Optional(21 / 7.0));
  EXPECT_THAT(report.noise.at(kHidden2).at_baseline, Optional(6 / 3.0));
}

TEST(Hardware, OneAloneHasDistancesButNoNoiseAndNoClass) {
  Experiment experiment = BatchSizes();
  experiment.configurations.resize(3);
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_EQ(report.noise.at(kHidden2).mean, std::nullopt);
  EXPECT_EQ(report.summary.signal_l2.max, 8);
  EXPECT_EQ(report.summary.by_mean.snr, std::nullopt);
  EXPECT_EQ(report.summary.by_mean.detectability, Detectability::kUndefined);
  EXPECT_THAT(report.findings,
              ElementsAre(HasSubstr("H100_bs1"), HasSubstr("H100_bs2"), HasSubstr("H100_bs4")))
      << "runs without a configuration";
}

TEST(Hardware, LabelsThatShareAShortNameAreNoiseToOneAnother) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  AddRun(experiment, "A100-40GB_bs1", "A100-40GB", int64_t{1}, 0);
  AddRun(experiment, "A100-40GB_bs2", "A100-40GB", int64_t{2}, 4);
  AddRun(experiment, "A100-80GB_bs1", "A100-80GB", int64_t{1}, 1);
  const ExperimentReport report = Analyze(std::move(experiment));
  ASSERT_THAT(report.within_hardware, SizeIs(2));
  EXPECT_EQ(report.within_hardware[0].hardware, "A100-40GB");
  EXPECT_THAT(report.within_hardware[0].pairs, SizeIs(1));
  EXPECT_THAT(report.within_hardware[1].pairs, IsEmpty());
  ASSERT_THAT(report.cross_hardware_baseline, SizeIs(1));
  EXPECT_EQ(report.cross_hardware_baseline[0].hardware_b, "A100-80GB");
  EXPECT_THAT(report.noise.at(kHidden2).mean, Optional(1.0));
  EXPECT_THAT(report.summary.by_mean.snr, Optional(4.0));
}

TEST(Hardware, AnotherConfigurationWithTheBaselinesValueIsNoVariant) {
  Experiment experiment = BatchSizes();
  AddRun(experiment, "A100_bs1_again", "A100-80GB", int64_t{1}, 100);
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_THAT(report.within_hardware[0].pairs, SizeIs(2));
  EXPECT_THAT(report.cross_hardware[0].pairs, SizeIs(2));
  EXPECT_EQ(report.summary.signal_l2.max, 16);
  EXPECT_THAT(report.findings,
              ElementsAre("A100_bs1_again: the same value as A100_bs1 on A100: not compared with "
                          "it"));
}

TEST(Hardware, AnotherConfigurationWithAVariantsValueIsAFinding) {
  Experiment experiment = BatchSizes();
  AddRun(experiment, "A100_bs2_again", "A100-80GB", int64_t{2}, 100);
  EXPECT_THAT(Analyze(std::move(experiment)).findings,
              ElementsAre("A100_bs2_again: the same value as A100_bs2 on A100: each is a variant, "
                          "and each a pair of the noise where other hardware has the value"));
}

TEST(Hardware, BaselinesOfANumberAndATextAreAFinding) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  AddRun(experiment, "A", "A100-80GB", int64_t{1}, 0);
  AddRun(experiment, "H", "H100", "1", 1);
  EXPECT_THAT(Analyze(std::move(experiment)).findings,
              ElementsAre("H: its value 1 is not that of A, as one of the two is a text: they are "
                          "no pair of the noise"));
}

TEST(Snr, WithoutNoiseIsInfiniteForASignalAndNullForNone) {
  Experiment experiment = MakeExperiment("tensor_parallel", "tp_size");
  for (const char* hardware : {"A100", "H100"}) {
    AddRun(experiment, std::string(hardware) + "_tp1", hardware, int64_t{1}, 0);
    AddRun(experiment, std::string(hardware) + "_tp2", hardware, int64_t{2}, 0);
    AddRun(experiment, std::string(hardware) + "_tp4", hardware, int64_t{4}, 0.5);
  }
  const ExperimentReport report = Analyze(std::move(experiment));
  const SignalVerdict& tp2 = report.within_hardware[0].pairs[0].verdicts.at(kHidden2);
  EXPECT_EQ(tp2.by_mean.snr, std::nullopt);
  EXPECT_EQ(tp2.by_mean.detectability, Detectability::kNotDetectable);
  EXPECT_TRUE(report.within_hardware[0].pairs[0].identical());
  const SignalVerdict& tp4 = report.within_hardware[0].pairs[1].verdicts.at(kHidden2);
  EXPECT_THAT(tp4.by_mean.snr, Optional(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(tp4.by_mean.detectability, Detectability::kStrong);
}

TEST(Missing, AConfigurationWithoutRunsHasNoFiguresAndIsListed) {
  Experiment experiment = BatchSizes();
  experiment.runs.erase(experiment.runs.begin() + 1);  // A100_bs2's
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_EQ(report.within_hardware[0].pairs[0].MeanL2(kHidden2), std::nullopt);
  EXPECT_EQ(report.within_hardware[0].pairs[0].verdicts.at(kHidden2).by_mean.detectability,
            Detectability::kUndefined);
  EXPECT_THAT(report.gaps, ElementsAre(HasSubstr("A100_bs2: no repetition with signals")));
  EXPECT_THAT(report.noise.at(kHidden2).mean, Optional((1 + 9) / 2.0));
  EXPECT_EQ(report.summary.signal_l2.n, 3);
}

TEST(Missing, AHeadlineLayerThatNoRunHasGivesNoFigure) {
  Experiment experiment = BatchSizes();
  experiment.layers = {1, 2, 47};
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_EQ(SignalName(report.headline), "hidden_states/layer_47");
  EXPECT_EQ(report.summary.baseline_l2, std::nullopt);
  EXPECT_EQ(report.summary.signal_l2.n, 0);
  EXPECT_EQ(report.summary.by_mean.detectability, Detectability::kUndefined);
  EXPECT_THAT(report.gaps, SizeIs(12)) << "hidden states and keys of six runs";
  EXPECT_THAT(report.within_hardware[0].pairs[0].MeanL2(kHidden2), Optional(4.0));
}

TEST(Missing, AStepOfOneRunIsListedForThePair) {
  Experiment experiment = BatchSizes();
  experiment.runs[1].steps.erase(2);
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_EQ(report.within_hardware[0].pairs[0].comparison->signals.at(kHidden2).l2.n, 6);
  EXPECT_THAT(report.gaps,
              testing::Contains("A100_bs1 and A100_bs2: 1 steps are missing in A100_bs2, first "
                                "step 2"));
}

TEST(Contexts, StepsBehindAMissingOneAreLeftOutUnlessOneReferenceFedBoth) {
  Experiment experiment = BatchSizes();
  experiment.runs[1].steps.erase(0);
  experiment.runs[0].signals_sha256 = "x";
  const char kFinding[] =
      "A100_bs1 and A100_bs2: the token fed after step 0 is not known in both; later steps left "
      "out: 2";
  Experiment free = experiment;
  const ExperimentReport unknown = Analyze(std::move(free));
  EXPECT_THAT(unknown.findings, testing::Contains(kFinding));
  EXPECT_EQ(unknown.within_hardware[0].pairs[0].MeanL2(kHidden2), std::nullopt);
  experiment.configurations[1].forced = true;
  experiment.configurations[1].reference_signals_sha256 = "x";
  const ExperimentReport known = Analyze(std::move(experiment));
  EXPECT_THAT(known.findings, testing::Not(testing::Contains(kFinding)));
  EXPECT_EQ(known.within_hardware[0].pairs[0].comparison->signals.at(kHidden2).l2.n, 6);
}

TEST(Contexts, StepsLeftOutAreSaid) {
  Experiment experiment = BatchSizes();
  experiment.runs[1].steps[0].token_id = 9;
  const ExperimentReport report = Analyze(std::move(experiment));
  EXPECT_THAT(
      report.findings,
      testing::Contains("A100_bs1 and A100_bs2: other tokens were fed after step 0; later steps "
                        "left out: 2"));
  EXPECT_EQ(report.within_hardware[0].pairs[0].comparison->signals.at(kHidden2).l2.n, 3);
}

TEST(NotReproducible, IsComparedByItsLowestStoredRepetitionAndFlaggedWhereverItAppears) {
  Experiment experiment = BatchSizes();
  RunShape other;
  other.rep_id = 1;
  other.offset = 5;
  experiment.runs.insert(experiment.runs.begin(), MakeRun("A100_bs2", other));
  const ExperimentReport report = Analyze(std::move(experiment));
  const ConfigurationPair& within = report.within_hardware[0].pairs[0];
  EXPECT_THAT(within.MeanL2(kHidden2), Optional(4.0)) << "repetition 0's";
  EXPECT_THAT(within.not_reproducible, ElementsAre("A100_bs2"));
  EXPECT_THAT(report.cross_hardware_baseline[0].pairs[1].not_reproducible, ElementsAre("A100_bs2"));
  EXPECT_THAT(report.cross_hardware[0].pairs[0].not_reproducible, ElementsAre("A100_bs2"));
  EXPECT_THAT(report.within_hardware[0].pairs[1].not_reproducible, IsEmpty());
  EXPECT_THAT(report.findings, ElementsAre(HasSubstr("A100_bs2: not reproducible: rep0_vs_rep1")));
}

TEST(Values, KeepTheirJsonTypeWhenHardwareAreMatched) {
  Experiment experiment = MakeExperiment("compile", "compile");
  AddRun(experiment, "A100_a", "A100", true, 0);
  AddRun(experiment, "A100_b", "A100", int64_t{2}, 0);
  AddRun(experiment, "H100_a", "H100", std::string("true"), 0);
  AddRun(experiment, "H100_b", "H100", 2.0, 0);
  const ExperimentReport report = Analyze(std::move(experiment));
  ASSERT_THAT(report.cross_hardware_baseline[0].pairs, SizeIs(1));
  EXPECT_EQ(report.cross_hardware_baseline[0].pairs[0].b->config_id, "H100_b");
}

TEST(Empty, AnExperimentWithoutConfigurationsHasAnEmptyReport) {
  const ExperimentReport report = Analyze(MakeExperiment("batch_size", "batch_size"));
  EXPECT_THAT(report.within_hardware, IsEmpty());
  EXPECT_EQ(report.summary.baseline_l2, std::nullopt);
}

}  // namespace
}  // namespace forensics::analyzer
