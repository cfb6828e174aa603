#include "analyzer/attribution/library.h"

#include <utility>

#include "analyzer/attribution/attribution.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Hardware "Box" and "Cube" move signals by 0 and 1, `value`s by their offset.
Experiment Quantization() {
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  AddRun(experiment, "Box_awq", "Box", "awq", 0);
  AddRun(experiment, "Box_gptq", "Box", "gptq", 100);
  AddRun(experiment, "Cube_awq", "Cube", "awq", 1);
  AddRun(experiment, "Cube_gptq", "Cube", "gptq", 101);
  for (RunRecord& run : experiment.runs) run.runtime_seconds = 1.5;
  return experiment;
}

// The reference of Box again, and what leaves the same bits and takes longer.
Experiment Concurrent() {
  Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
  AddRun(experiment, "Box_single", "Box", false, 0);
  AddRun(experiment, "Box_concurrent", "Box", true, 0);
  experiment.runs[0].runtime_seconds = 1.5;
  experiment.runs[1].runtime_seconds = 2.5;
  return experiment;
}

std::vector<UnknownRun> Unknown(float offset) {
  RunShape shape;
  shape.offset = offset;
  return {
      {{"unknown.json", "X"}, MakeConfiguration("X", "unknown", "unknown"), MakeRun("X", shape)}};
}

Attribution Attributed(float offset) {
  Library library(Unknown(offset));
  library.Add(Quantization());
  library.Add(Concurrent());
  return AttributeRun(library, 0);
}

TEST(Library, TakesCopiesOfARunOnce) {
  Library library({});
  library.Add(Quantization());
  library.Add(Concurrent());
  ASSERT_THAT(library.known(), SizeIs(5));
  EXPECT_THAT(library.known()[0].places, SizeIs(2));
  EXPECT_EQ(library.known()[0].places[1].config_id, "Box_single");
  EXPECT_EQ(library.labels()[0].value, "reference");
  EXPECT_EQ(library.labels()[1].value, "quant_method=gptq");
  EXPECT_EQ(library.labels()[4].value, "concurrent_work=true");
  EXPECT_EQ(library.labels()[4].hardware, "Box");
}

TEST(Library, AnEmulationBesideItsGpuIsThatHardware) {
  Experiment experiment = Quantization();
  AddRun(experiment, "E_awq", "emulated:Box", std::string("awq"), 0.5);
  AddRun(experiment, "F_awq", "emulated:A800", std::string("awq"), 0.25);
  Library library({});
  library.Add(experiment);
  EXPECT_EQ(library.labels()[4].hardware, "Box");
  EXPECT_EQ(library.labels()[5].hardware, "emulated:A800");
}

TEST(Library, OneVariableIsNamedAtTheReferenceToo) {
  Library library({});
  library.Add(Quantization());
  EXPECT_EQ(library.labels()[0].value, "quant_method=awq");
}

TEST(Library, BeyondItsMemoryItKnowsThePairsOfAFile) {
  Library library({}, 100);
  library.Add(Quantization());
  EXPECT_TRUE(library.incomplete());
  Experiment other = Quantization();
  other.path = "other.json";
  library.Add(std::move(other));
  ASSERT_THAT(library.known(), SizeIs(8));
  EXPECT_TRUE(library.distances()[1][0].comparable());
  EXPECT_TRUE(library.distances()[5][4].comparable());
  EXPECT_FALSE(library.distances()[4][0].comparable());
}

TEST(Library, TakesTheLowestStoredRepetition) {
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  AddRun(experiment, "Box_awq", "Box", "awq", 7);
  experiment.runs[0].rep_id = 2;
  RunRecord digest_alone;
  digest_alone.config_id = "Box_awq";
  experiment.runs.push_back(digest_alone);
  Library library(Unknown(7));
  library.Add(std::move(experiment));
  EXPECT_TRUE(library.observations(0)[0].distance.identical());
}

TEST(AttributeRun, IdenticalBitsNameAllThatLeaveThem) {
  const Attribution attribution = Attributed(0);
  EXPECT_EQ(attribution.outcome, Outcome::kIdentical);
  EXPECT_THAT(attribution.verdict, HasSubstr("one of {Box_awq (reference on Box), "
                                             "Box_concurrent (concurrent_work=true on Box)}"));
  EXPECT_EQ(attribution.hardware.text(), "Box");
  EXPECT_EQ(attribution.value.confidence(), 1.0);
}

TEST(AttributeRun, FindsTheValueOnNewHardware) {
  const Attribution attribution = Attributed(102);
  EXPECT_EQ(attribution.outcome, Outcome::kAttributed);
  EXPECT_EQ(attribution.value.text(), "quant_method=gptq");
  EXPECT_EQ(attribution.ranked[0].place.config_id, "Cube_gptq");
  EXPECT_EQ(attribution.unit, DistanceUnit::kHardwareNoise);
  EXPECT_NEAR(*attribution.ranked[0].distance, 1, 0.01);
  EXPECT_THAT(attribution.verdict,
              HasSubstr("other hardware or software than the library's on Box, Cube"));
}

TEST(AttributeRun, FromNowhereIsNoneOfThese) {
  const Attribution attribution = Attributed(-5000);
  EXPECT_EQ(attribution.outcome, Outcome::kNoneOfThese);
  EXPECT_EQ(attribution.value.text(), kNoneOfThese);
}

TEST(AttributeRun, AnotherPromptIsNotComparable) {
  std::vector<UnknownRun> unknown = Unknown(0);
  unknown[0].run.prompt_text = "other";
  Library library(std::move(unknown));
  Experiment experiment = Quantization();
  for (RunRecord& run : experiment.runs) run.prompt_text = "this";
  library.Add(std::move(experiment));
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_EQ(attribution.outcome, Outcome::kNotComparable);
  EXPECT_THAT(attribution.verdict, HasSubstr("other prompts"));
}

// The unknown's window lies one position earlier: no two vectors have the same step and pos_.
TEST(AttributeRun, SaysThatVectorsAreMatchedByStepAndPos) {
  std::vector<UnknownRun> unknown = Unknown(0);
  RunRecord moved = unknown[0].run;
  moved.log_probs.clear();
  for (auto& [signal, vectors] : moved.vectors) vectors.clear();
  for (const auto& [signal, vectors] : unknown[0].run.vectors) {
    for (const auto& [at, vector] : vectors)
      moved.vectors[signal][{at.step, at.position - 3}] = vector;
  }
  unknown[0].run = moved;
  Library library(std::move(unknown));
  library.Add(Quantization());
  EXPECT_THAT(AttributeRun(library, 0).verdict,
              HasSubstr("length under the same step and pos_, in"));
}

TEST(AttributeRun, OneKnownConfigurationIsRankedByL2) {
  Library library(Unknown(3));
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  AddRun(experiment, "Box_awq", "Box", "awq", 0);
  library.Add(std::move(experiment));
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_EQ(attribution.outcome, Outcome::kUndecided);
  EXPECT_EQ(attribution.unit, DistanceUnit::kL2);
  EXPECT_THAT(attribution.verdict, HasSubstr("Setup: undecided"));
}

TEST(AttributeRun, ASmallL2IsNotRounded) {
  Library library(Unknown(0.0001f));
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  AddRun(experiment, "Box_awq", "Box", "awq", 0);
  library.Add(std::move(experiment));
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_LT(*attribution.ranked[0].distance, 0.0002);
  EXPECT_GT(*attribution.ranked[0].distance, 0.00005);
}

TEST(AttributeRun, SaysWhatIsNotComparedOfIdenticalBits) {
  std::vector<UnknownRun> unknown = Unknown(0);
  unknown[0].run.vectors.erase(kKeys1);
  Library library(std::move(unknown));
  library.Add(Quantization());
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_EQ(attribution.outcome, Outcome::kIdentical);
  EXPECT_THAT(attribution.verdict,
              HasSubstr("20 of 25 positions are identical, of 4 signals; the "
                        "rest is not comparable, because 5 one run alone has"));
}

TEST(AttributeRun, CountsOneSignalAsOne) {
  std::vector<UnknownRun> unknown = Unknown(0);
  unknown[0].run.vectors.clear();
  Experiment experiment = Quantization();
  for (RunRecord& run : experiment.runs) run.vectors.clear();
  Library library(std::move(unknown));
  library.Add(std::move(experiment));
  EXPECT_THAT(AttributeRun(library, 0).verdict,
              HasSubstr("all 5 positions of 1 signal are identical"));
}

TEST(AttributeRun, AnotherTokenOrLengthIsNotIdentical) {
  std::vector<UnknownRun> unknown = Unknown(0);
  unknown[0].run.steps[1].token_id = 7;
  SetVector(unknown[0].run, kHidden1, {0, -3}, {1});
  Library library(std::move(unknown));
  library.Add(Quantization());
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_NE(attribution.outcome, Outcome::kIdentical);
  EXPECT_LT(attribution.value.confidence().value_or(0), 1);
  EXPECT_THAT(attribution.verdict,
              HasSubstr("19 of 25 positions are identical, of 5 signals; the rest is not "
                        "comparable, because 1 have other lengths or token ids, 5 lie behind "
                        "tokens that differ or are not known; another token is chosen at step 1."));
}

TEST(AttributeRun, SaysThatWhatIsComparableTellsNothing) {
  std::vector<UnknownRun> unknown = Unknown(0);
  for (auto& [signal, vectors] : unknown[0].run.vectors) {
    for (auto& [at, vector] : vectors) SetVector(unknown[0].run, signal, at, {1});
  }
  Experiment experiment = Quantization();
  for (RunRecord& run : experiment.runs) run.log_probs = unknown[0].run.log_probs;
  Library library(std::move(unknown));
  library.Add(std::move(experiment));
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_EQ(attribution.outcome, Outcome::kNotComparable);
  EXPECT_THAT(attribution.verdict,
              HasSubstr("What is comparable (5 of 25 positions) has no distance in the library"));
  EXPECT_THAT(attribution.verdict, HasSubstr("of the rest 20 have other lengths"));
}

TEST(AttributeRun, IsNeverComparedWithItself) {
  std::vector<UnknownRun> unknown = Unknown(100);
  unknown[0].place = {Quantization().path, "Box_gptq"};
  Library library(std::move(unknown));
  library.Add(Quantization());
  const Attribution attribution = AttributeRun(library, 0);
  EXPECT_THAT(attribution.ranked, SizeIs(3));
  EXPECT_EQ(attribution.ranked[0].place.config_id, "Cube_gptq");
  EXPECT_EQ(attribution.outcome, Outcome::kAttributed);
}

TEST(AttributeRun, AnEmptyLibraryHasNothingToCompareWith) {
  const Library library(Unknown(0));
  EXPECT_EQ(AttributeRun(library, 0).outcome, Outcome::kNotComparable);
}

TEST(ReadUnknownRuns, NamesWhatIsMissing) {
  const std::string file = WriteTestFile(
      "empty.json",
      R"({"experiment_metadata": {"experiment_type": "unknown"}, "configurations": [], "runs": []})");
  EXPECT_THAT(ReadUnknownRuns(file, "", nullptr).status().message(),
              HasSubstr("empty.json: at /runs: no configuration has a run with signals"));
  EXPECT_THAT(ReadUnknownRuns(file, "X", nullptr).status().message(),
              HasSubstr("none with config_id 'X'"));
}

}  // namespace
}  // namespace forensics::analyzer
