#include "analyzer/report/text_reports.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/analysis/significance.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<ExperimentReport> Reports(Experiment experiment) {
  std::vector<ExperimentReport> reports;
  reports.push_back(Analyze(std::move(experiment)));
  return reports;
}

TEST(SummaryTable, IsThePlans) {
  const std::string table = SummaryTable(Reports(MakeAttentionExperiment()));
  const std::vector<std::string> lines = absl::StrSplit(table, '\n');
  ASSERT_GE(lines.size(), 6u);
  EXPECT_EQ(lines[0], std::string(80, '='));
  EXPECT_EQ(lines[1], "DETECTABILITY SUMMARY");
  EXPECT_EQ(lines[3],
            "Experiment           Variable             Baseline L2     Max Signal L2   SNR        "
            "Detection      ");
  EXPECT_EQ(lines[5],
            "attention            attention_impl       0.6250          8.2500          13.20      "
            "Strong         ");
}

TEST(SummaryTable, NamesDriveNoTerminal) {
  Experiment experiment = MakeExperiment("e\x1b[2Jvil", "v\nw");
  AddRun(experiment, "A100_a", "A100-80GB", "a", 0);
  AddRun(experiment, "A100\x1b_b\n", "A100-80GB", "b", 8);
  const std::string table = SummaryTable(Reports(std::move(experiment)));
  EXPECT_THAT(table, HasSubstr("e\\x1b[2Jvil"));
  EXPECT_THAT(table, HasSubstr("v\\nw"));
  EXPECT_THAT(table, HasSubstr("A100\\x1b_b\\n "));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

TEST(SummaryTable, ShowsInfinityAndWhatIsUnknown) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.configurations.resize(2);
  EXPECT_THAT(
      SummaryTable(Reports(std::move(experiment))),
      HasSubstr("attention_impl       -               8.0000          -          Undefined"));
  Experiment tiny = MakeAttentionExperiment();
  for (RunRecord& run : tiny.runs) {
    run = MakeRun(run.config_id, {run.config_id == "H100_eager" ? 0.0000785f : 0});
  }
  EXPECT_THAT(SummaryTable(Reports(std::move(tiny))),
              HasSubstr("3.9e-05         7.9e-05         2.00       Weak"))
      << "small is not none";
  Experiment large = MakeAttentionExperiment();
  for (RunRecord& run : large.runs) {
    run = MakeRun(run.config_id, {run.config_id == "H100_fa2" ? 1e30f : 0});
  }
  EXPECT_THAT(SummaryTable(Reports(std::move(large))),
              HasSubstr("5e+29           1e+30           2.00       Weak"));
  Experiment noiseless = MakeAttentionExperiment();
  noiseless.configurations.resize(3);
  noiseless.runs[2] = MakeRun("H100_fa2");
  EXPECT_THAT(SummaryTable(Reports(std::move(noiseless))),
              HasSubstr("0.0000          8.0000          inf        Strong"));
}

TEST(SummaryTable, SaysWhenTheNoiseAtTheBaselineValueGivesAnotherClass) {
  EXPECT_THAT(SummaryTable(Reports(MakeAttentionExperiment())),
              Not(HasSubstr("noise at the baseline value")));
  Experiment experiment = MakeAttentionExperiment();
  RunShape odd;
  odd.offset = 20;
  experiment.runs[3] = MakeRun("H100_eager", odd);
  EXPECT_THAT(SummaryTable(Reports(std::move(experiment))),
              HasSubstr("attention: by the noise at the baseline value alone (L2 0.5000): SNR "
                        "39.00, Strong"));
}

TEST(SummaryTable, HasARunTimeForEachVariantAndTheOverlapOfConcurrentWork) {
  EXPECT_THAT(
      SummaryTable(Reports(MakeAttentionExperiment())),
      HasSubstr("attention            A100_eager                               -         -        "
                "        -        -\n"));
  Experiment experiment = MakeAttentionExperiment();
  for (size_t i = 0; i < experiment.runs.size(); ++i) experiment.runs[i].runtime_seconds = 4 + i;
  experiment.configurations[1].overlap = {{"overlap_share", 0.875}, {"utilisation", int64_t{1}}};
  const std::string table = SummaryTable(Reports(std::move(experiment)));
  EXPECT_THAT(table, HasSubstr("RUN TIME"));
  EXPECT_THAT(table,
              HasSubstr("attention            A100_eager                           5.000     1.250 "
                        "               -        -\n"
                        "                     load ran 88% of the time, at 100% utilisation\n"));
  EXPECT_THAT(table,
              HasSubstr("attention            H100_eager                           7.000     1.167 "
                        "               -        -\n"));
  EXPECT_THAT(table, Not(HasSubstr("A100_fa2 ")));
  Experiment baseline_alone = MakeAttentionExperiment();
  baseline_alone.configurations.resize(1);
  EXPECT_THAT(SummaryTable(Reports(std::move(baseline_alone))), Not(HasSubstr("RUN TIME")));
}

TEST(SummaryTable, HasAVariantsUncertaintyAndItsDistanceByPhase) {
  EXPECT_THAT(
      SummaryTable(Reports(MakeAttentionExperiment())),
      HasSubstr("attention            A100_eager                                       -     "
                "   -    8.0000    8.0000\n"));
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  const std::string flash = "flash_attention_2", eager = "eager";
  AddRun(experiment, "A100_fa2", "A100-80GB", flash, 0);
  AddRun(experiment, "A100_eager", "A100-80GB", eager, 0);
  AddRun(experiment, "H100_fa2", "H100", flash, 0);
  const float offsets[] = {0, 4, 2};
  for (size_t i = 0; i < 3; ++i) {
    RunShape shape;
    shape.steps = 30;
    shape.offset = offsets[i];
    experiment.runs[i] = MakeRun(experiment.runs[i].config_id, shape);
  }
  experiment.decode_steps = 30;
  // The variant's prefill has no distance; its decode steps have one of 4 each.
  for (int step = 0; step < 2; ++step) {
    for (int position = -3; position <= -1 - step; ++position) {
      const Timepoint at{step, position};
      SetVector(experiment.runs[1], kHidden2, at, *experiment.runs[0].vectors[kHidden2][at]);
    }
  }
  std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  AdjustAcrossExperiments(reports);
  const SignalUncertainty& uncertainty =
      reports[0].within_hardware[0].pairs[0].uncertainty.at(kHidden2);
  const Interval snr = uncertainty.by_mean->snr_interval.value();
  EXPECT_THAT(SummaryTable(reports),
              HasSubstr(absl::StrFormat(
                  "attention            A100_eager                    %20s %8.4f    0.0000    "
                  "4.0000\n",
                  absl::StrFormat("%.3g to %.3g", snr.low, snr.high),
                  uncertainty.by_mean->p_holm.value())));
}

TEST(SummaryTable, HasALineForAVariantWithoutDistance) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.runs[1].vectors.erase(kHidden2);
  EXPECT_THAT(SummaryTable(Reports(experiment)),
              HasSubstr("attention            A100_eager                                       -  "
                        "      -         -         -\n"));
  experiment.runs.erase(experiment.runs.begin() + 1);
  EXPECT_THAT(SummaryTable(Reports(std::move(experiment))),
              HasSubstr("attention            A100_eager                                       -  "
                        "      -         -         -\n"));
}

TEST(SummaryTable, FitsIntoAHundredColumns) {
  for (const absl::string_view line :
       absl::StrSplit(SummaryTable(Reports(MakeAttentionExperiment())), '\n')) {
    if (absl::StartsWith(line, "attention:")) continue;  // remarks are sentences
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(SummaryTable, HasIntervalsOfSlowdowns) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.runs[0].runtime_seconds = experiment.runs[1].runtime_seconds = 4;
  for (int64_t rep = 1; rep < 3; ++rep) {
    for (const char* config_id : {"A100_fa2", "A100_eager"}) {
      RunRecord& run = experiment.runs.emplace_back();
      run.config_id = config_id;
      run.rep_id = rep;
      run.runtime_seconds = run.config_id == "A100_fa2" ? 4 : 4 + 0.02 * static_cast<double>(rep);
    }
  }
  std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  AdjustAcrossExperiments(reports);
  // t = sqrt(3), two degrees of freedom: p = (1 - sqrt(3 / 5)) / 2.
  EXPECT_THAT(SummaryTable(reports),
              HasSubstr("attention            A100_eager                           4.020     1.005 "
                        "  0.993 to 1.017   0.1127\n"));
}

TEST(SummaryTable, NamesVariantsWithTheBaselinesBits) {
  EXPECT_THAT(SummaryTable(Reports(MakeAttentionExperiment())), Not(HasSubstr("bit-identical")));
  Experiment experiment = MakeAttentionExperiment();
  experiment.runs[1] = MakeRun("A100_eager");
  EXPECT_THAT(SummaryTable(Reports(experiment)),
              HasSubstr("\nattention: bit-identical to the baseline in all signals: A100_eager\n"));
  SetVector(experiment.runs[1], kKeys1, {0, -1}, {1, 2});
  EXPECT_THAT(SummaryTable(Reports(std::move(experiment))), Not(HasSubstr("bit-identical")))
      << "one key is another";
}

TEST(SummaryTable, SaysWhatElseDiffersBesideTheVariable) {
  Experiment experiment = MakeAttentionExperiment();
  EXPECT_THAT(SummaryTable(Reports(experiment)), Not(HasSubstr("confounded")));
  auto& eager = experiment.configurations[1].circumstances;
  eager = {{"torch_version", "2"},  {"settings.env.A", "1"}, {"settings.env.B", "1"},
           {"settings.env.C", "1"}, {"settings.env.D", "1"}, {"settings.env.E", "1"},
           {"settings.env.F", "1"}};
  const std::string table = SummaryTable(Reports(std::move(experiment)));
  EXPECT_THAT(table, HasSubstr("\nattention: attention_impl is confounded with torch_version: not "
                               "said in A100_fa2; 2 in A100_eager\n"));
  EXPECT_THAT(table, Not(HasSubstr("settings.env.E")));
  EXPECT_THAT(table, HasSubstr("attention: 2 more differences in the report (confounding)\n"));
}

TEST(SummaryTable, NamesGaps) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.runs.pop_back();
  EXPECT_THAT(SummaryTable(Reports(std::move(experiment))),
              HasSubstr("attention: H100_eager: no repetition with signals"));
}

TEST(SummaryTable, SaysWhyARowIsUndefinedAndWhatToDo) {
  EXPECT_THAT(SummaryTable(Reports(MakeAttentionExperiment())), Not(HasSubstr("Undefined")));
  Experiment one_machine = MakeAttentionExperiment();
  one_machine.configurations.resize(2);
  EXPECT_THAT(
      SummaryTable(Reports(std::move(one_machine))),
      HasSubstr("\nattention: Undefined: no second hardware with the same value in the file, "
                "so no baseline L2; run exp0 on another machine with --reference=RUN"));
  Experiment no_variant = MakeAttentionExperiment();
  no_variant.configurations.resize(1);
  EXPECT_THAT(SummaryTable(Reports(std::move(no_variant))), HasSubstr("has no variant to compare"));
  Experiment no_distance = MakeAttentionExperiment();
  no_distance.runs.erase(no_distance.runs.begin() + 1, no_distance.runs.end());
  EXPECT_THAT(SummaryTable(Reports(std::move(no_distance))),
              HasSubstr("no variant has a distance"));
  Experiment no_noise = MakeAttentionExperiment();
  no_noise.runs.resize(2);
  EXPECT_THAT(SummaryTable(Reports(std::move(no_noise))),
              HasSubstr("no distance between hardware of the same value"));
}

TEST(SummaryTable, SaysOnceWhyManyRowsAreUndefined) {
  Experiment one = MakeAttentionExperiment(), two = MakeAttentionExperiment(),
             three = MakeAttentionExperiment();
  for (Experiment* experiment : {&one, &two}) experiment->configurations.resize(2);
  two.type = "compile";
  three.configurations.resize(1);
  std::vector<ExperimentReport> reports = Reports(std::move(one));
  reports.push_back(Analyze(std::move(three)));
  reports.push_back(Analyze(std::move(two)));
  const std::string table = SummaryTable(reports);
  EXPECT_THAT(table, HasSubstr("\nattention, compile: Undefined: no second hardware"));
  EXPECT_THAT(table, HasSubstr("\nattention: Undefined: the file has no variant"));
}

TEST(SummaryTable, SaysWhoseReproducibilityTheFileCannotShow) {
  Experiment experiment = MakeAttentionExperiment();
  RunShape again;
  again.rep_id = 1;
  experiment.runs.push_back(MakeRun("A100_fa2", again));
  experiment.runs[1].signals_sha256 = "alone";
  const std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  EXPECT_EQ(reports[0].reproducibility[1].reproducible, std::nullopt);
  EXPECT_THAT(SummaryTable(reports),
              HasSubstr("\nattention: A100_eager, H100_fa2, H100_eager: one repetition: not "
                        "verifiable\n"));
}

}  // namespace
}  // namespace forensics::analyzer
