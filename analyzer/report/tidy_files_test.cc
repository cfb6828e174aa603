#include "analyzer/report/tidy_files.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_split.h"
#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

using Lines = std::vector<std::map<std::string, std::string>>;  // by column

std::vector<ExperimentReport> Reports() {
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  const std::string flash = "flash_attention_2", eager = "eager";
  AddRun(experiment, "A100_fa2", "A100-80GB", flash, 0);
  AddRun(experiment, "A100_eager", "A100-80GB", eager, 8);
  AddRun(experiment, "H100_fa2", "H100", flash, 0.5);
  experiment.configurations[1].circumstances["torch_version"] = "2";
  experiment.runs[1].steps[2].token_id = 7;
  experiment.runs[1].steps[2].token_text = "a\ttab";
  for (const double seconds : {2, 2, 2}) {
    experiment.runs.push_back(MakeRun("A100_fa2"));
    experiment.runs.back().rep_id = static_cast<int64_t>(experiment.runs.size());
    experiment.runs.back().runtime_seconds = seconds;
  }
  experiment.runs[1].runtime_seconds = 3;
  std::vector<ExperimentReport> reports;
  reports.push_back(Analyze(std::move(experiment)));
  return reports;
}

Lines Read(const std::string& file) {
  for (const TidyFile& tidy : TidyFiles()) {
    if (tidy.name != file) continue;
    const std::string text = tidy.text(Reports());
    std::vector<std::vector<std::string>> rows;
    for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      rows.push_back(absl::StrSplit(line, '\t'));
    }
    Lines lines;
    for (size_t i = 1; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].size(), rows[0].size()) << file << ", line " << i;
      for (size_t j = 0; j < std::min(rows[i].size(), rows[0].size()); ++j) {
        lines.emplace_back();
        lines[i - 1][rows[0][j]] = rows[i][j];
      }
      lines.resize(i);
    }
    return lines;
  }
  ADD_FAILURE() << "no " << file;
  return {};
}

// A line of the file that has these cells.
struct Case {
  const char* file;
  size_t lines;
  std::map<std::string, std::string> cells;
};

TEST(TidyFiles, HaveEveryFigureUnderAHeading) {
  const std::string within = "within_hardware";
  const Case kCases[] = {
      {"summary.tsv",
       1,
       {{"experiment", "attention"},
        {"max_signal_l2", "8"},
        {"snr", "16"},
        {"config_id", "A100_eager"}}},
      {"noise.tsv",
       5,
       {{"signal", "key_vectors/layer_1"}, {"mean", "0.25"}, {"at_baseline_value", "0.25"}}},
      {"reproducibility.tsv",
       3,
       {{"config_id", "A100_fa2"},
        {"repetitions", "4"},
        {"reproducible", "true"},
        {"l2_max", "0"}}},
      {"identity_classes.tsv",
       5 * 3 * 3,
       {{"signal", "logprobs"},
        {"phase", "decode"},
        {"class", "2"},
        {"config_id", "H100_fa2"},
        {"parted_at", "1"}}},
      {"run_times.tsv",
       3,
       {{"config_id", "A100_eager"},
        {"slowdown", "1.5"},
        {"interval_reason", "fewer than two run times of one"}}},
      {"warm_up.tsv",
       1,
       {{"configurations", "1"},
        {"first_slowest", "0"},
        {"p_value", "1"},
        {"systematic", "false"}}},
      {"remarks.tsv", 0, {{"list", "confounding"}}},
      {"pairs.tsv",
       3,
       {{"kind", within},
        {"steps_compared", "3"},
        {"divergent_token_step", "2"},
        {"token_id_a", "102"},
        {"token_id_b", "7"},
        {"token_text_b", "a tab"}}},
      {"signals.tsv",
       3 * 5,
       {{"kind", within},
        {"signal", "hidden_states/layer_2"},
        {"n", "9"},
        {"l2_mean", "8"},
        {"snr", "16"},
        {"detectability", "Strong"},
        {"bit_identical", "false"}}},
      {"phases.tsv", 3 * 5 * 3, {{"kind", within}, {"phase", "prefill"}, {"l2_mean", "8"}}},
      {"positions.tsv",
       3 * 5 * 5,
       {{"kind", within},
        {"signal", "key_vectors/layer_2"},
        {"position", "-2"},
        {"phase", "prefill"},
        {"l2", "4"},
        {"relative_l2", "2"}}},
      {"divergence.tsv",
       3 * 5,
       {{"kind", within},
        {"signal", "key_vectors/layer_1"},
        {"first_of_pair", "true"},
        {"position", "-2"},
        {"a", "0"},
        {"b", "4"},
        {"b_bits", "0x40800000"},
        {"number_format", "float32"}}},
      {"against_noise.tsv",
       5 * 2,
       {{"noise", "mean"},
        {"snr", "16"},
        {"auc", "1"},
        {"interval_reason", "5 positions: fewer than 12"}}},
      {"roc.tsv",
       5 * 2 * 3,
       {{"signal", "logprobs"}, {"false_positive_rate", "0"}, {"true_positive_rate", "1"}}},
      {"differences.tsv", 1, {{"name", "torch_version"}, {"a", ""}, {"b", "2"}}},
  };
  std::set<std::string> tested;
  for (const Case& c : kCases) {
    const Lines lines = Read(c.file);
    if (c.lines > 0) {
      EXPECT_THAT(lines, SizeIs(c.lines)) << c.file;
    }
    EXPECT_THAT(lines, Contains(IsSupersetOf(c.cells))) << c.file;
    tested.insert(c.file);
  }
  EXPECT_EQ(tested.size(), TidyFiles().size());
}

}  // namespace
}  // namespace forensics::analyzer
