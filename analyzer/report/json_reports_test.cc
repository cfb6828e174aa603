#include "analyzer/report/json_reports.h"

#include <string>
#include <utility>
#include <vector>

#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/analysis/significance.h"
#include "analyzer/reading/number_text.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "rapidjson/pointer.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;

// The JSON text at a pointer, "absent" if there is nothing.
std::string At(const std::string& json, const std::string& pointer) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  const rapidjson::Value* value = rapidjson::Pointer(pointer.c_str()).Get(document);
  if (value == nullptr) return "absent";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value->Accept(writer);
  return buffer.GetString();
}

std::vector<ExperimentReport> Reports(Experiment experiment) {
  std::vector<ExperimentReport> reports;
  reports.push_back(Analyze(std::move(experiment)));
  return reports;
}

Experiment Compile() {
  Experiment experiment = MakeExperiment("compile", "compile");
  AddRun(experiment, "A100_uncompiled", "A100-80GB", false, 0);
  AddRun(experiment, "A100_compiled", "A100-80GB", true, 8);
  AddRun(experiment, "H100_uncompiled", "H100", false, 0.5);
  AddRun(experiment, "H100_compiled", "H100", true, 10);
  return experiment;
}

TEST(AnalysisReports, HaveThePlansKeys) {
  const std::string json = AnalysisReportsJson(Reports(Compile()));
  const std::pair<const char*, const char*> expected[] = {
      {"/compile/experiment", "\"compile\""},
      {"/compile/variable", "\"compile\""},
      {"/compile/reproducibility/A100_compiled/config_id", "\"A100_compiled\""},
      {"/compile/reproducibility/A100_compiled/within_config_distances", "{}"},
      {"/compile/reproducibility/A100_compiled/mean", "null"},
      {"/compile/reproducibility/A100_compiled/max", "null"},
      {"/compile/cross_hardware_baseline/false/a100_config", "\"A100_uncompiled\""},
      {"/compile/cross_hardware_baseline/false/h100_config", "\"H100_uncompiled\""},
      {"/compile/cross_hardware_baseline/false/l2_distance", "0.5"},
      {"/compile/cross_hardware_baseline/true/l2_distance", "2"},
      {"/compile/within_hardware_detectability/A100/true/config_id", "\"A100_compiled\""},
      {"/compile/within_hardware_detectability/A100/true/baseline_value", "false"},
      {"/compile/within_hardware_detectability/A100/true/test_value", "true"},
      {"/compile/within_hardware_detectability/A100/true/l2_distance", "8"},
      {"/compile/within_hardware_detectability/A100/true/snr", "6.4"},
      {"/compile/within_hardware_detectability/H100/true/l2_distance", "9.5"},
      {"/compile/cross_hardware_detectability/A100_variant_vs_H100_baseline/true/l2_distance",
       "7.5"},
      {"/compile/cross_hardware_detectability/H100_variant_vs_A100_baseline/true/snr", "8"},
  };
  for (const auto& [pointer, text] : expected) EXPECT_EQ(At(json, pointer), text) << pointer;
}

TEST(AnalysisReports, HaveTheSpecificationsAdditionalFigures) {
  const std::string json = AnalysisReportsJson(Reports(Compile()));
  const std::string pair = "/compile/within_hardware_detectability/A100/true";
  const std::pair<const char*, const char*> expected[] = {
      {"/detectability", "\"Moderate\""},
      {"/snr_at_baseline_value", "16"},
      {"/detectability_at_baseline_value", "\"Strong\""},
      {"/classes_differ", "true"},
      {"/l2_distance_min", "8"},
      {"/l2_distance_max", "8"},
      {"/l2_distance_n", "9"},
      {"/signals/key_vectors~1layer_1/l2_distance", "4"},
      {"/signals/logprobs/snr", "6.4"},
      {"/signals/logprobs/unmatched_ids", "0"},
      {"/signals/hidden_states~1layer_2/distinct_positions/l2_distance_n", "5"},
      {"/signals/hidden_states~1layer_2/distinct_positions/prefill_l2_distance_n", "3"},
      {"/signals/hidden_states~1layer_2/left_out/not_finite", "0"},
      {"/contexts/steps_compared", "3"},
      {"/contexts/steps_left_out", "0"},
  };
  for (const auto& [pointer, text] : expected) EXPECT_EQ(At(json, pair + pointer), text) << pointer;
  EXPECT_EQ(At(json, "/compile/noise/hidden_states~1layer_2/mean"), "1.25");
  EXPECT_EQ(At(json, "/compile/noise/hidden_states~1layer_2/at_baseline_value"), "0.5");
}

TEST(AnalysisReports, ShowWhatIsIdenticalAndWhereItParts) {
  Experiment experiment = Compile();
  experiment.runs[1].steps[2].token_id = 7;
  experiment.runs[1].steps[2].token_text = "<7>";
  const std::string json = AnalysisReportsJson(Reports(std::move(experiment)));
  EXPECT_EQ(At(json, "/compile/identity_classes/hidden_states~1layer_1/prefill"),
            R"({"classes":[["A100_uncompiled"],["A100_compiled"],["H100_uncompiled"],)"
            R"(["H100_compiled"]],"parted_at":[null,-2,-2,-2],"not_stored":[]})");
  const std::string pair = "/compile/within_hardware_detectability/A100/true";
  EXPECT_EQ(At(json, pair + "/first_divergence"),
            R"({"signal":"key_vectors/layer_1","position":-2,"step":0,"window":"pos_-3",)"
            R"("phase":"prefill","element":0,"a":0,"b":4,"a_bits":"0x00000000",)"
            R"("b_bits":"0x40800000","ulps":1082130432})");
  EXPECT_EQ(At(json, pair + "/signals/logprobs/first_divergence/position"), "-2");
  EXPECT_EQ(At(json, pair + "/first_divergent_token"),
            R"({"step":2,"a":{"token_id":102,"token_text":null},)"
            R"("b":{"token_id":7,"token_text":"<7>"}})");
  EXPECT_EQ(At(json, "/compile/within_hardware_detectability/H100/true/first_divergent_token"),
            "null");
  EXPECT_EQ(At(json, pair + "/signals/hidden_states~1layer_2/phases/decode/share_changed"), "0.25");
}

TEST(AnalysisReports, APairOfWhatIsNotStoredHasTheKeysOfAnyOther) {
  Experiment experiment = Compile();
  experiment.runs.erase(experiment.runs.begin() + 1);
  const std::string json = AnalysisReportsJson(Reports(std::move(experiment)));
  const std::string pair = "/compile/within_hardware_detectability/A100/true/";
  for (const char* key :
       {"contexts", "first_divergence", "first_divergent_token", "propagation", "signals"}) {
    EXPECT_EQ(At(json, pair + key), "null") << key;
  }
}

TEST(AnalysisReports, ShowDistancesByPositionAndByLayer) {
  const std::string json = AnalysisReportsJson(Reports(Compile()));
  const std::string pair = "/compile/within_hardware_detectability/A100/true";
  EXPECT_EQ(At(json, pair + "/signals/logprobs/by_position/positions"), "[-2,-1,0,1,2]");
  EXPECT_EQ(At(json, pair + "/signals/logprobs/by_position/l2_distance"), "[8,8,8,8,8]");
  EXPECT_EQ(At(json, pair + "/propagation/hidden_states/layers"), "[1,2]");
  EXPECT_EQ(At(json, pair + "/propagation/hidden_states/decode/l2_distance"), "[8,8]");
  EXPECT_EQ(At(json, pair + "/propagation/key_vectors/layers"), "[1,2]");
  EXPECT_EQ(At(json, pair + "/propagation/key_vectors/all/share_changed"), "[0.5,0.5]");
}

TEST(AnalysisReports, ShowUncertaintyWhereThereAreEnoughPositions) {
  Experiment experiment = Compile();
  for (RunRecord& run : experiment.runs) {
    RunShape shape;
    shape.steps = 30;
    shape.offset = run.vectors.at(kHidden1).at({0, -1})->front();
    run = MakeRun(run.config_id, shape);
  }
  std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  AdjustAcrossExperiments(reports);
  const std::string json = AnalysisReportsJson(reports);
  const std::string found =
      "/compile/within_hardware_detectability/A100/true/signals/hidden_states~1layer_2/uncertainty";
  EXPECT_EQ(At(json, found + "/mean_l2"),
            R"({"all":{"low":8,"high":8},"prefill":null,"decode":{"low":8,"high":8}})");
  EXPECT_EQ(At(json, found + "/interval_reason"),
            R"({"all":null,"prefill":"3 positions: fewer than 12","decode":null})");
  // Two variants in all, both clear.
  EXPECT_EQ(At(json, found + "/against_noise"),
            R"({"positions":32,"snr":6.4,"snr_interval":{"low":6.4,"high":6.4},)"
            R"("interval_reason":null,"p_value":0.0004347507194631632,)"
            R"("p_holm":0.0008695014389263263,"auc":1,"tokens_needed":1,)"
            R"("roc":{"false_positive_rate":[0,0,1],"true_positive_rate":[0,1,1]}})");
  EXPECT_EQ(At(json, found + "/against_noise_at_baseline_value/snr"), "16");
  EXPECT_EQ(At(json, "/compile/resampling/resamples"), "999");
  const std::string summary = SummaryJson(reports);
  EXPECT_EQ(At(summary, "/0/p_holm"), "0.0008695014389263263");
  EXPECT_EQ(At(summary, "/0/snr_interval/low"), At(summary, "/0/snr"));
}

TEST(AnalysisReports, ShowRunTimesOverlapAndWhatElseDiffers) {
  Experiment experiment = Compile();
  for (size_t i = 0; i < experiment.runs.size(); ++i) {
    experiment.runs[i].runtime_seconds = i == 1 ? 6 : 4;
    experiment.configurations[i].circumstances["torch_version"] = i == 1 ? "2.5.1" : "2.11.0";
  }
  experiment.configurations[1].overlap = {{"utilisation", 0.5}, {"workers", int64_t{2}}};
  const std::string json = AnalysisReportsJson(Reports(std::move(experiment)));
  const std::pair<const char*, const char*> expected[] = {
      {"/run_time/A100/A100_compiled",
       R"({"value":true,"mean_seconds":6,"variance":null,"repetitions":1,"slowdown":1.5,)"
       R"("slowdown_interval":null,"interval_reason":"fewer than two run times of one",)"
       R"("slower_p_value":null,"slower_p_holm":null,"first_over_others":null,)"
       R"("overlap":{"utilisation":0.5,"workers":2}})"},
      {"/run_time/H100/H100_compiled/slowdown", "1"},
      {"/warm_up", "null"},
      {"/run_time/H100/H100_compiled/overlap", "absent"},
      {"/within_hardware_detectability/A100/true/other_differences",
       R"({"torch_version":{"baseline":"2.11.0","variant":"2.5.1"}})"},
      {"/within_hardware_detectability/H100/true/other_differences", "{}"},
      {"/cross_hardware_detectability/A100_variant_vs_H100_baseline/true/other_differences",
       "absent"},
      {"/confounding",
       R"(["compile is confounded with torch_version: 2.11.0 in A100_uncompiled; 2.5.1 in )"
       R"(A100_compiled"])"},
  };
  for (const auto& [pointer, text] : expected) {
    EXPECT_EQ(At(json, std::string("/compile") + pointer), text) << pointer;
  }
}

TEST(Summary, HasThePlansKeysAndMore) {
  const std::string json = SummaryJson(Reports(Compile()));
  const std::pair<const char*, const char*> expected[] = {
      {"/0/experiment", "\"compile\""},
      {"/0/variable", "\"compile\""},
      {"/0/baseline_l2", "1.25"},
      {"/0/max_signal_l2", "9.5"},
      {"/0/snr", "7.6"},
      {"/0/detectability", "\"Moderate\""},
      {"/0/min_signal_l2", "8"},
      {"/0/mean_signal_l2", "8.75"},
      {"/0/identical", "false"},
      {"/0/classes_differ", "true"},
  };
  for (const auto& [pointer, text] : expected) EXPECT_EQ(At(json, pointer), text) << pointer;
}

TEST(Json, InfinityIsAStringAndWhatIsUnknownIsNull) {
  Experiment experiment = Compile();
  experiment.runs[2] = MakeRun("H100_uncompiled");  // now equal to the A100's
  experiment.configurations.pop_back();             // no compiled pair
  const std::string summary = SummaryJson(Reports(std::move(experiment)));
  EXPECT_EQ(At(summary, "/0/snr"), "\"Infinity\"");
  EXPECT_EQ(At(summary, "/0/detectability"), "\"Strong\"");

  Experiment alone = Compile();
  alone.configurations.resize(2);
  const std::string undefined = SummaryJson(Reports(std::move(alone)));
  EXPECT_EQ(At(undefined, "/0/baseline_l2"), "null");
  EXPECT_EQ(At(undefined, "/0/snr"), "null");
  EXPECT_EQ(At(undefined, "/0/detectability"), "\"Undefined\"");
  EXPECT_EQ(At(undefined, "/0/max_signal_l2"), "8");
}

TEST(Json, IdenticalIsSaid) {
  Experiment experiment = Compile();
  experiment.runs = {MakeRun("A100_uncompiled"), MakeRun("A100_compiled"),
                     MakeRun("H100_uncompiled"), MakeRun("H100_compiled")};
  const std::string summary = SummaryJson(Reports(std::move(experiment)));
  EXPECT_EQ(At(summary, "/0/snr"), "null");
  EXPECT_EQ(At(summary, "/0/identical"), "true");
  EXPECT_EQ(At(summary, "/0/detectability"), "\"Not Detectable\"");
}

TEST(Json, WhatIsNotReproducibleIsFlagged) {
  Experiment experiment = Compile();
  experiment.configurations[1].reproducible = false;
  const std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  EXPECT_EQ(At(SummaryJson(reports), "/0/not_reproducible"), "[\"A100_compiled\"]");
  const std::string json = AnalysisReportsJson(reports);
  for (const char* pair : {"cross_hardware_baseline", "within_hardware_detectability/A100",
                           "cross_hardware_detectability/A100_variant_vs_H100_baseline"}) {
    EXPECT_EQ(At(json, std::string("/compile/") + pair + "/true/not_reproducible"),
              "[\"A100_compiled\"]");
  }
  EXPECT_EQ(At(json, "/compile/findings/0"), "\"A100_compiled: marked as not reproducible\"");
}

TEST(Json, KeysThatMeetAgainAreToldApart) {
  Experiment experiment = Compile();
  AddRun(experiment, "A100_again", "A100-80GB", true, 3);
  AddRun(experiment, "H200_compiled", "H200", true, 3);
  std::vector<ExperimentReport> reports = Reports(std::move(experiment));
  Experiment second = Compile();
  second.path = "other/compile_experiment.json";
  reports.push_back(Analyze(std::move(second)));
  const std::string json = AnalysisReportsJson(reports);
  EXPECT_EQ(At(json, "/compile (other~1compile_experiment.json)/experiment"), "\"compile\"");
  EXPECT_EQ(At(json, "/compile/within_hardware_detectability/A100/true (A100_again)/l2_distance"),
            "3");
  EXPECT_EQ(At(json, "/compile/cross_hardware_baseline/true (A100-H200)/h200_config"),
            "\"H200_compiled\"");
}

TEST(Json, GapsAndFindingsAreListedAndALongListIsCut) {
  Experiment experiment = Compile();
  experiment.runs.pop_back();
  for (int i = 0; i < 1000; ++i) experiment.findings.push_back("odd");
  const std::string json = AnalysisReportsJson(Reports(std::move(experiment)));
  EXPECT_EQ(At(json, "/compile/gaps/0"),
            "\"H100_compiled: no repetition with signals (decode_steps)\"");
  EXPECT_EQ(At(json, "/compile/findings/200"), "\"and 800 more\"");
  EXPECT_EQ(At(json, "/compile/findings/201"), "absent");
}

TEST(NumberText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(NumberText(5e-324), "5e-324");
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(1e300 * 1e300), "Infinity");
}

}  // namespace
}  // namespace forensics::analyzer
