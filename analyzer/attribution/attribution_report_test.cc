#include "analyzer/attribution/attribution_report.h"

#include <limits>
#include <string>
#include <utility>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

Experiment Known() {
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  AddRun(experiment, "Box_awq", "Box", std::string("awq"), 0);
  AddRun(experiment, "Box_gptq", "Box", std::string("gptq"), 100);
  AddRun(experiment, "Cube_awq", "Cube", std::string("awq"), 1);
  for (RunRecord& run : experiment.runs) run.prompt_text = "this";
  return experiment;
}

AttributionReport ReportOn(RunRecord run) {
  Library library(
      {{{"unknown.json", "X"}, MakeConfiguration("X", "unknown", "unknown"), std::move(run)}});
  library.Add(Known());
  AttributionReport report;
  report.attributions = {AttributeRun(library, 0)};
  return report;
}

TEST(AttributionReport, WhatIsNoNumberIsComparedAndHasNoDistance) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  RunRecord run = MakeRun("X");
  for (const auto& [signal, vectors] : RunRecord(run).vectors) {
    for (const auto& [at, vector] : vectors) {
      SetVector(run, signal, at, std::vector<float>(vector->size(), kNaN));
    }
  }
  run.log_probs.clear();
  const AttributionReport report = ReportOn(std::move(run));
  const std::string table = AttributionTable(report);
  EXPECT_THAT(table, ContainsRegex("Box_awq .* - +0/4  key_vectors/layer_1 at position "));
  EXPECT_THAT(table, Not(HasSubstr("not comparable")));
  EXPECT_THAT(AttributionJson(report), HasSubstr("\"p_value\": null"));
}

TEST(AttributionReport, AnotherTokenIsTheFirstDifferenceOfTheSameBits) {
  RunRecord run = MakeRun("X");
  run.steps[0].token_id = 7;
  EXPECT_THAT(AttributionTable(ReportOn(std::move(run))),
              ContainsRegex("Box_awq .* 5/5  token of step 0\n"));
}

TEST(AttributionReport, NamesWhatContradictsItselfInTheLibrary) {
  AttributionReport report;
  report.contradictions = {"one and other"};
  EXPECT_THAT(AttributionTable(report), HasSubstr("Caveat: one and other\n"));
  EXPECT_THAT(AttributionJson(report),
              HasSubstr("\"library_contradictions\": [\"one and other\"]"));
}

TEST(AttributionReport, AnotherPromptIsNotComparable) {
  RunRecord run = MakeRun("X");
  run.prompt_text = "other";
  EXPECT_THAT(AttributionTable(ReportOn(std::move(run))),
              ContainsRegex("Box_awq .* - +0/0  not comparable"));
}

}  // namespace
}  // namespace forensics::analyzer
