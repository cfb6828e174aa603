#include "analyzer/reading/experiment_reader.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Optional;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kMetadata[] =
    R"("experiment_metadata":{"experiment_type":"batch_size","variable_tested":"batch_size",)"
    R"("model":"m","model_size":"30B","architecture":"MoE","sequence_length":9,"decode_steps":2,)"
    R"("extraction_config":{"layers":[1,47],"positions":[-3,-2,-1],"hidden_dim":2,"key_dim":1,)"
    R"("top_k_logprobs":2},"date_created":"now"})";
constexpr char kConfiguration[] =
    R"({"config_id":"A100_bs1","hardware":"A100-80GB","provider":null,"variable_value":1,)"
    R"("cuda_version":"12.8","torch_version":null,"transformers_version":null,)"
    R"("flash_attn_version":null,"python_version":null,"fixed_params":{}})";
constexpr char kRunHead[] =
    R"("config_id":"A100_bs1","rep_id":2,"timestamp":"t","runtime_seconds":1.5,"prompt_text":"p")";

// A whole file around the elements of "decode_steps".
std::string File(const std::string& steps) {
  return absl::StrCat("{", kMetadata, ",\"configurations\":[", kConfiguration, "],\"runs\":[{",
                      kRunHead, ",\"decode_steps\":[", steps, "]}]}");
}

std::string Step(int number, const std::string& signals) {
  return absl::StrCat("{\"step\":", number, ",\"token_id\":", 100 + number, ",\"token_text\":\"x\"",
                      signals.empty() ? "" : ",", signals, "}");
}

std::string Hidden(const std::string& positions) {
  return absl::StrCat("\"hidden_states\":{\"layer_1\":{", positions, "}}");
}

absl::StatusOr<Experiment> Read(const std::string& text) {
  return ReadExperiment(WriteTestFile("experiment.json", text));
}

// The experiment; the test fails if it cannot be read.
Experiment MustRead(const std::string& text) {
  absl::StatusOr<Experiment> experiment = Read(text);
  EXPECT_TRUE(experiment.ok()) << experiment.status();
  return experiment.ok() ? *std::move(experiment) : Experiment();
}

std::string ErrorOf(const std::string& text) { return std::string(Read(text).status().message()); }

std::vector<float> VectorAt(const Experiment& experiment, const SignalId& signal, Timepoint at) {
  const auto vectors = experiment.runs.at(0).vectors.find(signal);
  if (vectors == experiment.runs[0].vectors.end()) return {};
  const auto vector = vectors->second.find(at);
  return vector == vectors->second.end() ? std::vector<float>() : *vector->second;
}

TEST(ReadExperiment, FindsEveryFieldThatTheAnalysisUses) {
  const Experiment experiment = MustRead(absl::StrReplaceAll(
      File(Step(0, absl::StrCat(Hidden("\"pos_-1\":[0.5,-2]"),
                                R"(,"key_vectors":{"layer_47":{"pos_-2":[3]}},)"
                                R"("logprobs":{"pos_-1":{"token_ids":[7,8],"log_probs":[-1,-2]}},)"
                                R"("fed_token_id":55,"reference_log_probs":{"pos_-1":)"
                                R"({"token_ids":[9],"log_probs":[-3]}})"))),
      {{"\"fixed_params\":{}",
        "\"fixed_params\":{\"compile\":false,\"odd\":[1]},\"decoding\":\"forced\","
        "\"dtype\":\"float32\",\"world_size\":2,\"overlap\":{\"utilisation\":0.5,"
        "\"repetitions\":[{\"rep_id\":0}]},\"settings\":{\"threads\":2,\"env.X\":null,"
        "\"reference_signals_sha256\":\"cd\"},\"reproducible\":true,\"timing\":{\"mean_seconds\":2."
        "5}"},
       {"\"prompt_text\":\"p\"", "\"prompt_text\":\"p\",\"signals_sha256\":\"ab\""}}));
  EXPECT_EQ(experiment.type, "batch_size");
  EXPECT_EQ(experiment.variable, "batch_size");
  EXPECT_THAT(experiment.layers, ElementsAre(1, 47));
  EXPECT_THAT(experiment.positions, ElementsAre(-3, -2, -1));
  EXPECT_THAT(experiment.decode_steps, Optional(2));
  EXPECT_THAT(experiment.facts,
              ElementsAre(Pair("architecture", "MoE"), Pair("model", "m"),
                          Pair("model_size", "30B"), Pair("sequence_length", "9")));
  ASSERT_THAT(experiment.configurations, SizeIs(1));
  const Configuration& configuration = experiment.configurations[0];
  EXPECT_EQ(configuration.config_id, "A100_bs1");
  EXPECT_EQ(configuration.hardware, "A100-80GB");
  EXPECT_EQ(std::get<int64_t>(configuration.variable_value), 1);
  EXPECT_THAT(configuration.reproducible, Optional(true));
  EXPECT_THAT(configuration.mean_seconds, Optional(2.5));
  EXPECT_TRUE(configuration.forced);
  EXPECT_EQ(configuration.reference_signals_sha256, "cd");
  EXPECT_THAT(configuration.circumstances,
              IsSupersetOf({Pair("fixed_params.compile", "false"), Pair("dtype", "float32"),
                            Pair("world_size", "2"), Pair("settings.threads", "2")}));
  EXPECT_EQ(configuration.circumstances.count("settings.env.X"), 0u);
  EXPECT_EQ(configuration.circumstances.count("fixed_params.odd"), 0u);
  EXPECT_THAT(configuration.overlap, ElementsAre(Pair("utilisation", JsonScalar(0.5))));
  ASSERT_THAT(experiment.runs, SizeIs(1));
  const RunRecord& run = experiment.runs[0];
  EXPECT_EQ(run.config_id, "A100_bs1");
  EXPECT_EQ(run.rep_id, 2);
  EXPECT_THAT(run.runtime_seconds, Optional(1.5));
  EXPECT_THAT(run.prompt_text, Optional(std::string("p")));
  EXPECT_EQ(run.signals_sha256, "ab");
  EXPECT_THAT(run.steps.at(0).token_id, Optional(100));
  EXPECT_THAT(run.steps.at(0).fed_token_id, Optional(55));
  EXPECT_THAT(run.steps.at(0).token_text, Optional(std::string("x")));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), ElementsAre(0.5, -2));
  EXPECT_THAT(VectorAt(experiment, {SignalKind::kKeyVectors, 47}, {0, -2}), ElementsAre(3));
  EXPECT_THAT(run.log_probs.at({0, -1}).token_ids, ElementsAre(7, 8));
  EXPECT_THAT(run.log_probs.at({0, -1}).values, ElementsAre(-1, -2));
  EXPECT_THAT(run.reference_log_probs.at({0, -1}).token_ids, ElementsAre(9));
  EXPECT_THAT(experiment.findings, IsEmpty());
}

TEST(Numbers, ShortestFloat32AndSeventeenDigitTextGiveTheSameBits) {
  const Experiment experiment = MustRead(
      File(Step(0, Hidden("\"pos_-1\":[0.1,1e-45,16777216],\"pos_-2\":[0.10000000149011612,"
                          "1.401298464324817e-45,16777217.0]"))));
  EXPECT_EQ(VectorAt(experiment, kHidden1, {0, -1}), VectorAt(experiment, kHidden1, {0, -2}));
  EXPECT_EQ(VectorAt(experiment, kHidden1, {0, -1})[0], 0.1f);
}

TEST(Numbers, LiteralsAndStringsThatAreNoNumbers) {
  const std::vector<float> values = VectorAt(
      MustRead(File(Step(0, Hidden("\"pos_-1\":[NaN,\"NaN\",Infinity,\"-Infinity\",null,-0]")))),
      kHidden1, {0, -1});
  ASSERT_THAT(values, SizeIs(6));
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[1]) && std::isnan(values[4]));
  EXPECT_EQ(values[2], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[3], -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(values[5]));
}

TEST(Numbers, ADecimalBeyondFloat32sRangeIsInfinityAndAFinding) {
  const Experiment experiment = MustRead(
      File(Step(0, Hidden("\"pos_-1\":[1e300,-1e39,3.4028235e38,1e-400,\"Infinity\"]") +
                       R"(,"logprobs":{"pos_-1":{"token_ids":[7],"log_probs":[-1e39]}})")));
  const std::vector<float> values = VectorAt(experiment, kHidden1, {0, -1});
  ASSERT_THAT(values, SizeIs(5));
  EXPECT_EQ(values[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[1], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(values[3], 0);
  EXPECT_THAT(experiment.findings,
              ElementsAre("A100_bs1 rep 2: hidden_states/layer_1: 2 numbers beyond float32's range "
                          "are taken for infinity",
                          "A100_bs1 rep 2: logprobs: 1 numbers beyond float32's range are taken "
                          "for infinity"));
}

TEST(Numbers, ANullIsAFindingOnceARunAndSignal) {
  const std::string log_probs = R"("logprobs":{"pos_-1":{"token_ids":[7],"log_probs":[null]}})";
  const Experiment experiment = MustRead(
      File(Step(0, Hidden("\"pos_-2\":[null,1],\"pos_-1\":[null,2,null]") + "," + log_probs)));
  EXPECT_THAT(experiment.findings,
              ElementsAre("A100_bs1 rep 2: hidden_states/layer_1: 3 values are null and taken for "
                          "NaN",
                          "A100_bs1 rep 2: logprobs: 1 values are null and taken for NaN"));
  EXPECT_THAT(MustRead(File(Step(0, Hidden("\"pos_-1\":[NaN,\"NaN\"]")))).findings, IsEmpty())
      << "a NaN that was computed";
}

TEST(Numbers, OneOfAMillionDigitsIsRefused) {
  for (const char* head : {"", "0.", "-"}) {
    EXPECT_THAT(ErrorOf(File(Step(0, Hidden(absl::StrCat("\"pos_-1\":[", head,
                                                         std::string(1000000, '7'), "]"))))),
                HasSubstr("pos_-1: expected a number, found a text of 65536 characters or more"));
  }
}

TEST(Version, OfLaterSoftwareIsRefused) {
  const std::string rest = File("").substr(1);
  EXPECT_TRUE(Read("{\"schema_version\":1," + rest).ok());
  EXPECT_TRUE(Read("{\"schema_version\":null," + rest).ok());
  EXPECT_THAT(ErrorOf("{\"schema_version\":2," + rest),
              AllOf(HasSubstr("at /schema_version: version 2: the file was written by a later "
                              "version"),
                    HasSubstr("up to version 1")));
  EXPECT_THAT(ErrorOf("{\"schema_version\":\"2\"," + rest), HasSubstr("expected a whole number"));
}

TEST(Layout, AnotherSpellingOfALayerOrPositionIsAnUnknownKeyAndOverwritesNothing) {
  const Experiment experiment =
      MustRead(File(Step(0, R"("hidden_states":{"layer_1":{"pos_-1":[1],"pos_-01":[2]},)"
                            R"("layer_01":{"pos_-1":[3]}},)"
                            R"("logprobs":{"pos_-1":{"token_ids":[7],"log_probs":[-1]},)"
                            R"("pos_-001":{"token_ids":[8],"log_probs":[-2]}})")));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), ElementsAre(1));
  EXPECT_THAT(experiment.runs[0].log_probs.at({0, -1}).token_ids, ElementsAre(7));
  for (const char* key : {"layer_01", "pos_-01", "pos_-001"}) {
    EXPECT_THAT(experiment.findings,
                testing::Contains(HasSubstr(absl::StrCat("unknown key '", key, "' passed over"))));
  }
}

TEST(Layout, IndentedTextAndAnyOrderOfKeysGiveTheSame) {
  const std::string text =
      "\xEF\xBB\xBF {\n  \"runs\": [ {\n \"decode_steps\": [\n {\n   \"hidden_states\": {\n "
      "\"layer_1\" : {\r\n \"pos_-1\" : [\n      1.0,\n\t      2.0\n   ] } },\n \"token_id\" : 5 , "
      "\"step\": 7\n } ], \"rep_id\": 1, \"config_id\": \"A\" } ],\n \"configurations\": [],\n" +
      std::string(kMetadata) + " }\n\n";
  const Experiment experiment = MustRead(text);
  EXPECT_THAT(VectorAt(experiment, kHidden1, {7, -1}), ElementsAre(1, 2));
  EXPECT_EQ(experiment.runs[0].config_id, "A");
  EXPECT_THAT(experiment.runs[0].steps.at(7).token_id, Optional(5));
}

TEST(Layout, StepsOutOfOrderAreKnownByTheirNumber) {
  const Experiment experiment = MustRead(File(
      absl::StrCat(Step(1, Hidden("\"pos_-1\":[2]")), ",", Step(0, Hidden("\"pos_-1\":[1]")))));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), ElementsAre(1));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {1, -1}), ElementsAre(2));
}

TEST(Layout, AStepWithoutNumberIsCountedByItsPlace) {
  const Experiment experiment = MustRead(File(Step(0, "") + ",{\"token_id\":9}"));
  EXPECT_THAT(experiment.runs[0].steps.at(1).token_id, Optional(9));
}

TEST(Layout, AStepThatComesTwiceIsAFindingAndTheFirstCounts) {
  const Experiment experiment =
      MustRead(File(Step(0, Hidden("\"pos_-1\":[1]")) + "," + Step(0, Hidden("\"pos_-1\":[2]"))));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), ElementsAre(1));
  EXPECT_THAT(experiment.findings,
              ElementsAre("A100_bs1 rep 2: step 0 comes twice; the first is used"));
}

TEST(Window, ARepeatedPositionIsKeptOnceAndOneThatDiffersIsAFinding) {
  const Experiment same = MustRead(File(Step(0, Hidden("\"pos_-1\":[1,2]")) + "," +
                                        Step(1, Hidden("\"pos_-2\":[1.0,2],\"pos_-1\":[3,4]"))));
  const Vectors& vectors = same.runs[0].vectors.at(kHidden1);
  EXPECT_EQ(vectors.at({0, -1}), vectors.at({1, -2})) << "one object";
  EXPECT_THAT(same.findings, IsEmpty());

  const Experiment other = MustRead(
      File(Step(0, Hidden("\"pos_-1\":[0.0,2]")) + "," + Step(1, Hidden("\"pos_-2\":[-0.0,2]"))));
  EXPECT_TRUE(std::signbit(VectorAt(other, kHidden1, {1, -2})[0]));
  EXPECT_FALSE(std::signbit(VectorAt(other, kHidden1, {0, -1})[0]));
  EXPECT_THAT(other.findings,
              ElementsAre("A100_bs1 rep 2: hidden_states/layer_1: 1 repeated positions differ from "
                          "the same position in another step"));
}

TEST(Window, ARepeatInTheSameSpellingIsReadLikeAnyOther) {
  // 20,000 numbers: a window's vectors lie across the ends of the stream's buffer.
  std::string long_vector;
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&long_vector, i > 0 ? "," : "", i * 0.5);
  std::vector<std::string> steps;
  for (int step = 0; step < 10; ++step) {
    const auto vector = [&](int at) { return absl::StrCat("[", at, ",", long_vector, "]"); };
    steps.push_back(Step(step, Hidden(absl::StrCat("\"pos_-3\":", vector(step - 2),
                                                   ",\"pos_-2\": ", vector(step - 1),
                                                   ",\"pos_-1\":", vector(step)))));
  }
  const Experiment experiment = MustRead(File(absl::StrJoin(steps, ",")));
  EXPECT_THAT(experiment.findings, IsEmpty());
  ASSERT_THAT(experiment.runs.at(0).vectors.at(kHidden1), SizeIs(30));
  for (const auto& [at, vector] : experiment.runs[0].vectors.at(kHidden1)) {
    ASSERT_THAT(*vector, SizeIs(20001));
    EXPECT_EQ(vector->front(), static_cast<float>(at.Computed()));
    EXPECT_EQ(vector->back(), 19999 * 0.5f);
  }
}

TEST(Missing, NullAndEmptyAreNothingStored) {
  const Experiment experiment = MustRead(
      File(Step(0, R"("hidden_states":{"layer_1":null,"layer_2":{},"layer_4":{"pos_-1":null,)"
                   R"("pos_-2":[]}},"key_vectors":null,"logprobs":{"pos_-1":{},"pos_-2":null},)"
                   R"("reference_log_probs":null,"fed_token_id":null)")));
  for (const auto& [signal, vectors] : experiment.runs[0].vectors) {
    EXPECT_THAT(vectors, IsEmpty()) << SignalName(signal);
  }
  EXPECT_THAT(experiment.runs[0].log_probs, IsEmpty());
  EXPECT_THAT(experiment.runs[0].steps, SizeIs(1));
}

TEST(Missing, RunsWithoutStepsAndFilesWithoutRuns) {
  const std::string head = absl::StrCat("{", kMetadata, ",\"configurations\":[]");
  EXPECT_FALSE(MustRead(absl::StrCat(head, ",\"runs\":[{", kRunHead, "}]}")).runs[0].stored());
  EXPECT_FALSE(MustRead(absl::StrCat(head, ",\"runs\":[{", kRunHead, ",\"decode_steps\":null}]}"))
                   .runs[0]
                   .stored());
  EXPECT_THAT(MustRead(head + ",\"runs\":null}").runs, IsEmpty());
  EXPECT_THAT(ErrorOf(head + "}"),
              HasSubstr(absl::StrCat("experiment.json: byte ", head.size() + 1,
                                     ", line 1, at /: the key 'runs' is missing")));
  EXPECT_THAT(ErrorOf(absl::StrCat("{", kMetadata, ",\"runs\":[]}")),
              HasSubstr("the key 'configurations' is missing"));
  EXPECT_THAT(
      MustRead(absl::StrReplaceAll(head + ",\"runs\":[]}", {{",\"model\":\"m\"", ""}})).findings,
      ElementsAre(HasSubstr("not as experiment_schema.json says: ")))
      << "what the schema asks for and the analysis can do without";
}

TEST(Unknown, KeysAreSkippedWhateverTheyHold) {
  const Experiment experiment = MustRead(absl::StrReplaceAll(
      File(Step(0, Hidden("\"pos_-1\":[1]") + ",\"new\":{\"a\":[1,{\"b\":null}],\"c\":1e5}")),
      {{"\"fixed_params\":{}", "\"fixed_params\":{\"x\":[[],{}]},\"overlap\":{\"share\":0.5}"}}));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), ElementsAre(1));
  const Experiment names = MustRead(File(Step(0, "\"hidden_states\":{\"embedding\":[1,2]}")));
  EXPECT_THAT(names.findings, testing::Contains(HasSubstr("unknown key 'embedding' passed over")));
  const Experiment number = MustRead(File("{\"step\":0,\"token_text\":5}"));
  EXPECT_EQ(number.runs.at(0).steps.at(0).token_text, std::nullopt);
}

struct Damage {
  std::string text;
  std::vector<std::string> message;  // all of them occur in it
};

TEST(Damaged, ErrorsNameFilePlaceAndCause) {
  const std::string good = File(Step(0, Hidden("\"pos_-1\":[1,2]")));
  const std::string vector_path = "at /runs/0/decode_steps/0/hidden_states/layer_1/pos_-1: ";
  const auto with = [&](const std::string& from, const std::string& to) {
    return absl::StrReplaceAll(good, {{from, to}});
  };
  const Damage cases[] = {
      {"", {"experiment.json: byte 0, line 1, at /: the file is empty"}},
      {"   ", {"the file is truncated"}},
      {"[]", {"byte 0, line 1, at /: expected an object"}},
      {"{}\n",
       {"experiment.json: byte 2, line 1, at /: no experiment_metadata.experiment_type: ",
        "not an experiment file"}},
      {"\"text\"", {"expected an object"}},
      {good + "x", {"expected the end of the file"}},
      {good + "{}", {"expected the end of the file"}},
      {with("[1,2]", "[1,x]"), {vector_path, "expected a number, found 'x'"}},
      {with("[1,2]", "[1 2]"), {vector_path, "expected ',' or ']'"}},
      {with("[1,2]", "[1,[2]]"), {vector_path, "found '[2'"}},
      {with("[1,2]", "\"12\""), {vector_path, "expected an array of numbers"}},
      {with("[1,2]", "{}"), {vector_path, "expected an array of numbers"}},
      {with("[1,2]", "[1,2"), {vector_path, "expected ',' or ']' after a number"}},
      {with("\"step\":0", "\"step\":\"0\""),
       {"at /runs/0/decode_steps/0/step: ", "expected a whole number"}},
      {with("\"step\":0", "\"step\":0.5"), {"expected a whole number"}},
      {with("\"step\":0", "\"step\":9223372036854775807"), {"a step number beyond 2^53"}},
      {with("\"step\":0", "\"step\":-1"), {"/decode_steps/0: a step number below 0"}},
      {with("\"token_id\":100", "\"token_id\":[]"), {"/token_id: ", "expected a single value"}},
      {with("\"rep_id\":2", "\"rep_id\":\"2\""), {"at /runs/0/rep_id: ", "a whole number"}},
      {with("\"config_id\":\"A100_bs1\"", "\"config_id\":7"), {"/config_id: ", "a string"}},
      {with("\"decode_steps\":[", "\"decode_steps\":[5,"),
       {"at /runs/0/decode_steps/0: ", "expected an object"}},
      {with("\"layers\":[1,47]", "\"layers\":[1,\"x\"]"), {"extraction_config/layers/1: "}},
      {with("\"layers\":[1,47]", "\"layers\":[5000000000]"), {"beyond 32 bits"}},
      {with("\"variable_value\":1", "\"variable_value\":[1]"), {"/variable_value: "}},
      {with("\"rep_id\":2", "\"config_id\":\"b\""), {"the key 'config_id' comes twice"}},
      {with("\"pos_-1\":[1,2]", "\"pos_-1\":[1],\"pos_-1\":[2]"), {"the key 'pos_-1' comes twice"}},
      {with("\"token_text\":\"x\"", "\"token_text\":\"\xff\xfe\""), {"Invalid encoding"}},
      {with("\"token_text\":\"x\"", "\"token_text\":\"\\uD800\""), {"surrogate"}},
      {with("\"token_text\":\"x\"", "\"token_text\":1e400"), {"too big"}},
      {with("\"token_text\":\"x\"", "\"token_text\":tru"), {"Invalid value"}},
      {with("\"token_text\":\"x\"", std::string("\"token_text\":\0", 14)), {"expected a value"}},
      {with("\"token_text\":\"x\"", "token_text:1"), {"expected a key in double quotes"}},
      {with("\"token_text\":", "\"token_text\" "), {"expected ':' after a key"}},
      {with(",\"token_id\"", " \"token_id\""), {"expected ',' or '}'"}},
  };
  for (const Damage& damage : cases) {
    const std::string error = ErrorOf(damage.text);
    EXPECT_THAT(error, HasSubstr("experiment.json: ")) << damage.text;
    for (const std::string& part : damage.message) EXPECT_THAT(error, HasSubstr(part));
  }
}

TEST(Damaged, EveryTruncationIsAnErrorThatSaysSo) {
  const std::string good =
      File(Step(0, Hidden("\"pos_-1\":[1,-2.5e-3,\"NaN\"]") +
                       R"(,"logprobs":{"pos_-1":{"token_ids":[7],"log_probs":[-1]}})"));
  ASSERT_TRUE(Read(good).ok());
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_THAT(ErrorOf(good.substr(0, size)), HasSubstr("the file is truncated"))
        << good.substr(0, size);
  }
}

TEST(Damaged, AFlippedByteNeverCrashesTheReader) {
  const std::string good = File(Step(0, Hidden("\"pos_-1\":[1,-2.5e-3,\"NaN\"]")));
  int refused = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char byte : {'\0', '"', '{', ']', ',', '9', '\xff'}) {
      std::string damaged = good;
      damaged[i] = byte;
      refused += !Read(damaged).ok();
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Damaged, TheLineIsCounted) {
  EXPECT_THAT(ErrorOf("{\n\n  \"runs\": 5\n}"),
              AllOf(HasSubstr("byte 13, line 3, at /runs: "), HasSubstr("expected an array")));
}

TEST(Hostile, DeepNestingIsRefused) {
  const std::string open(200000, '[');
  EXPECT_THAT(ErrorOf("{\"unknown\":" + open), HasSubstr("nested more than 100 deep"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_THAT(ErrorOf("{\"unknown\":" + objects), HasSubstr("nested more than 100 deep"));
  EXPECT_FALSE(Read(File(Step(0, Hidden("\"pos_-1\":" + open)))).ok());
}

TEST(Hostile, WhatIsNoRegularFile) {
  EXPECT_THAT(std::string(ReadExperiment(::testing::TempDir()).status().message()),
              HasSubstr("is a directory, expected a file"));
  EXPECT_THAT(std::string(ReadExperiment("/no/such/file.json").status().message()),
              HasSubstr("/no/such/file.json: cannot be opened"));
}

TEST(Hostile, AVectorLongerThanTheStreamsBuffer) {
  std::string numbers = "0.25";
  for (int i = 1; i < 400000; ++i) numbers += ",0.25";
  const Experiment experiment = MustRead(File(Step(0, Hidden("\"pos_-1\":[" + numbers + "]"))));
  EXPECT_THAT(VectorAt(experiment, kHidden1, {0, -1}), SizeIs(400000));
}

}  // namespace
}  // namespace forensics::analyzer
