#include "analyzer/report/tidy_table.h"

#include <utility>

#include "absl/strings/str_split.h"
#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

std::vector<ExperimentReport> Reports(Experiment experiment) {
  std::vector<ExperimentReport> reports;
  reports.push_back(Analyze(std::move(experiment)));
  return reports;
}

std::vector<std::vector<std::string>> Cells(const std::string& table) {
  std::vector<std::vector<std::string>> rows;
  for (const absl::string_view line : absl::StrSplit(table, '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, '\t'));
  }
  return rows;
}

TEST(TidyTable, HasALineForEachPairSignalAndLayerWithTheSpecificationsColumns) {
  const std::vector<std::vector<std::string>> rows =
      Cells(TidyTable(Reports(MakeAttentionExperiment())));
  // Two pairs across hardware, one within each, two detectabilities; five signals.
  EXPECT_EQ(rows.size(), 6u * 5u);
  EXPECT_THAT(rows,
              Contains(ElementsAre("attention", "cross_hardware_baseline", "A100-H100", "A100_fa2",
                                   "H100_fa2", "flash_attention_2", "hidden_states/layer_2", "9",
                                   "0.5", "0.5", "0.5", "", "")));
  EXPECT_THAT(rows, Contains(ElementsAre("attention", "within_hardware", "A100", "A100_fa2",
                                         "A100_eager", "eager", "key_vectors/layer_1", "9", "4",
                                         "4", "4", "12.8", "Strong")));
  EXPECT_THAT(rows, Contains(ElementsAre("attention", "cross_hardware_detectability",
                                         "H100_variant", "A100_fa2", "H100_eager", "eager",
                                         "logprobs", "9", "8.75", "8.75", "8.75", "14", "Strong")));
}

TEST(TidyTable, LeavesUnknownFiguresEmpty) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.configurations.resize(2);
  experiment.runs[1].log_probs.clear();
  const std::vector<std::vector<std::string>> rows = Cells(TidyTable(Reports(experiment)));
  EXPECT_THAT(rows,
              Contains(ElementsAre("attention", "within_hardware", "A100", "A100_fa2", "A100_eager",
                                   "eager", "logprobs", "0", "", "", "", "", "Undefined")));
  experiment.runs.clear();
  EXPECT_THAT(
      Cells(TidyTable(Reports(experiment))),
      Contains(ElementsAre("attention", "within_hardware", "A100", "A100_fa2", "A100_eager",
                           "eager", "hidden_states/layer_1", "0", "", "", "", "", "Undefined")));
}

TEST(TidyTable, LabelsCannotBreakItsLines) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.configurations[1].config_id = "A\t100\neager";
  for (const std::vector<std::string>& row : Cells(TidyTable(Reports(std::move(experiment))))) {
    EXPECT_EQ(row.size(), 13u);
  }
}

TEST(PhaseTable, HasALineForEachPhaseUnderAHeading) {
  const std::vector<std::vector<std::string>> rows =
      Cells(PhaseTable(Reports(MakeAttentionExperiment())));
  ASSERT_EQ(rows.size(), 1 + 6u * 5u * 3u);
  for (const std::vector<std::string>& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_EQ(rows[0][7], "phase");
  EXPECT_EQ(rows[0][36], "auc");
  // Of 0, 8, t, 1 and 8, 8, t, 1 at t = 1 and 2: one element in four changes, from zero.
  EXPECT_THAT(rows, Contains(testing::IsSupersetOf({"within_hardware", "hidden_states/layer_1",
                                                    "decode", "8", "float32", "0.25"})));
}

TEST(PhaseTable, ComparesVariantsWithTheNoiseOverAllPhases) {
  for (const std::vector<std::string>& row :
       Cells(PhaseTable(Reports(MakeAttentionExperiment())))) {
    if (row[0] == "experiment") continue;
    const bool is_compared = row[1] == "within_hardware" && row[7] == "all";
    EXPECT_EQ(row[36], is_compared ? "1" : "");
  }
}

TEST(PhaseTable, SignalsThatCouldNotBeComparedHaveNoLine) {
  Experiment experiment = MakeAttentionExperiment();
  experiment.runs[1].log_probs.clear();
  experiment.runs[3].steps.clear();
  const auto rows = Cells(PhaseTable(Reports(std::move(experiment))));
  EXPECT_THAT(rows, Not(Contains(testing::IsSupersetOf({"A100_eager", "logprobs"}))));
  EXPECT_THAT(rows, Not(Contains(Contains("H100_eager"))));
  EXPECT_THAT(rows, Contains(testing::IsSupersetOf({"A100_eager", "key_vectors/layer_1"})));
}

}  // namespace
}  // namespace forensics::analyzer
