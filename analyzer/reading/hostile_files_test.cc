// What is no honest experiment file costs an error that says where, and never the memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/testing/builders.h"
#include "schema/testing/one_gibibyte.h"

namespace forensics::analyzer {
namespace {

using schema::SaidInOneGibibyte;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Up to the value of a vector.
constexpr char kVector[] =
    R"({"runs":[{"config_id":"c","decode_steps":[{"hidden_states":{"layer_1":{"pos_-1":)";

struct Case {
  std::string name;
  std::string bytes;
  std::string error;  // without the file's name
};

std::string Messages(const std::string& path) {
  const absl::StatusOr<Experiment> experiment = ReadExperiment(path);
  return std::string(experiment.status().message());
}

TEST(HostileFiles, ErrorsSayByteAndPlace) {
  const Case cases[] = {
      {"empty", "", "byte 0, line 1, at /: the file is empty"},
      {"gzip", std::string("\x1f\x8b\x08\0", 4), "byte 0: is compressed by gzip; decompress it"},
      {"zero byte behind", absl::StrCat("{}", std::string(1, '\0')),
       "byte 2, line 1, at /: expected the end of the file"},
      {"trailing", "{}\n{}", "byte 3, line 2, at /: expected the end of the file"},
      {"key twice", R"({"runs":[],"runs":[]})", "at /: the key 'runs' comes twice"},
      {"key twice within", R"({"runs":[{"rep_id":1,"rep_id":1}]})",
       "at /runs/0: the key 'rep_id' comes twice"},
      {"key that is not UTF-8", "{\"runs\xff\":[]}", "at /: Invalid encoding in string"},
      {"text that is not UTF-8", "{\"runs\":[{\"config_id\":\"\xED\xA0\x80\"}]}",
       "at /runs/0/config_id: Invalid encoding in string"},
      {"lone surrogate", R"({"runs":[{"config_id":"\ud800"}]})",
       "at /runs/0/config_id: The surrogate pair in string is invalid"},
      {"nested runs", absl::StrCat("{\"runs\":", std::string(1'000'000, '[')),
       "byte 9, line 1, at /runs/0: expected an object"},
      {"nested elsewhere", absl::StrCat("{\"other\":", std::string(1'000'000, '[')),
       "at /other/0/0/0/0/0"},
      {"nested too deep", absl::StrCat("{\"other\":", std::string(101, '['), "1"),
       "...: nested more than 100 deep"},
      {"beyond float64", R"({"runs":[{"runtime_seconds":1e99999999999}]})",
       "at /runs/0/runtime_seconds: Number too big to be stored in double"},
      {"hexadecimal", absl::StrCat(kVector, "[0x10]"),
       "pos_-1: expected ',' or ']' after a number"},
      {"minus alone", absl::StrCat(kVector, "[-]"), "pos_-1: expected a number, found '-'"},
      {"step beyond", R"({"runs":[{"decode_steps":[{"step":9007199254740993}]}]})",
       "at /runs/0/decode_steps/0: a step number beyond 2^53"},
      {"step below 0", R"({"runs":[{"decode_steps":[{"step":-1}]}]})",
       "at /runs/0/decode_steps/0: a step number below 0"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Messages(WriteTestFile("hostile.json", c.bytes)),
                AllOf(HasSubstr("/hostile.json: "), HasSubstr(c.error)))
        << c.name;
  }
  EXPECT_THAT(Messages(::testing::TempDir()), HasSubstr("is a directory"));
  EXPECT_EQ(Messages("/dev/zero"), "/dev/zero: is no regular file");
}

// A whole file; @name stands where an object of that name ends.
constexpr char kAllLevels[] =
    R"({"schema_version":1,"experiment_metadata":{"experiment_type":"x",)"
    R"("extraction_config":{"layers":[1]@extraction}@metadata},"configurations":[{"config_id":"c",)"
    R"("fixed_params":{"a":1@fixed},"settings":{"s":1@settings},"timing":{"mean_seconds":1@timing},)"
    R"("overlap":{"workers":1,"repetitions":[{"products":1},{"products":1@repetition}]@overlap},)"
    R"("kernels":[{"phase":"p"@kernel}]@configuration}],"runs":[{"config_id":"c","decode_steps":)"
    R"([{"step":0,"hidden_states":{"layer_1":{"pos_-1":[1]@layer}@hidden},)"
    R"("key_vectors":{"layer_1":{"pos_-1":[1]@key_layer}@keys},)"
    R"("logprobs":{"pos_-1":{"token_ids":[1],"log_probs":[0]@list}@logprobs},)"
    R"("reference_log_probs":{"pos_-1":{"token_ids":[1]@reference_list}@reference},)"
    R"("mine":{"a":[[{"b":1@unknown}]]}@step}]@run}]@top})";

// kAllLevels with `key` once more where the object `level` ends.
std::string WithKeyAgain(const std::string& level, const std::string& key) {
  std::string text = kAllLevels;
  while (text.find('@') != text.npos) {
    const size_t at = text.find('@');
    const size_t end = text.find_first_of("}]", at);
    const bool is_it = text.substr(at + 1, end - at - 1) == level;
    text.replace(at, end - at, is_it ? absl::StrCat(",\"", key, "\":null") : "");
  }
  return text;
}

TEST(HostileFiles, AKeyThatComesTwiceIsAnErrorAtEachLevel) {
  ASSERT_TRUE(ReadExperiment(WriteTestFile("levels.json", WithKeyAgain("", ""))).ok());
  const std::string step = "/runs/0/decode_steps/0";
  const struct {
    std::string level, key, path;
  } cases[] = {
      {"top", "runs", "/"},
      {"metadata", "experiment_type", "/experiment_metadata"},
      {"extraction", "layers", "/experiment_metadata/extraction_config"},
      {"configuration", "kernels", "/configurations/0"},
      {"fixed", "a", "/configurations/0/fixed_params"},
      {"settings", "s", "/configurations/0/settings"},
      {"timing", "mean_seconds", "/configurations/0/timing"},
      {"overlap", "repetitions", "/configurations/0/overlap"},
      {"repetition", "products", "/configurations/0/overlap/repetitions/1"},
      {"kernel", "phase", "/configurations/0/kernels/0"},
      {"run", "decode_steps", "/runs/0"},
      {"step", "mine", step},
      {"hidden", "layer_1", step + "/hidden_states"},
      {"layer", "pos_-1", step + "/hidden_states/layer_1"},
      {"keys", "layer_1", step + "/key_vectors"},
      {"key_layer", "pos_-1", step + "/key_vectors/layer_1"},
      {"logprobs", "pos_-1", step + "/logprobs"},
      {"list", "log_probs", step + "/logprobs/pos_-1"},
      {"reference", "pos_-1", step + "/reference_log_probs"},
      {"reference_list", "token_ids", step + "/reference_log_probs/pos_-1"},
      {"unknown", "b", step + "/mine/a/0/0"},
  };
  for (const auto& c : cases) {
    const std::string text = WithKeyAgain(c.level, c.key);
    const size_t byte = text.find(":null");
    const std::string path = WriteTestFile("twice.json", text);
    EXPECT_EQ(Messages(path), absl::StrCat(path, ": byte ", byte, ", line 1, at ", c.path,
                                           ": the key '", c.key, "' comes twice"))
        << c.level;
  }
}

TEST(HostileFiles, NumbersBeyondFloat32AreFindings) {
  const absl::StatusOr<Experiment> experiment = ReadExperiment(WriteTestFile(
      "numbers.json",
      absl::StrCat(kVector,
                   "[1e308,1e-400,-1e-99999999999,123456789012345678901234567890,0e999]}}}]}],",
                   R"("configurations":[],"experiment_metadata":{"experiment_type":"x"}})")));
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  const Vectors& vectors = experiment->runs[0].vectors.begin()->second;
  EXPECT_THAT(*vectors.begin()->second,
              ::testing::ElementsAre(HUGE_VALF, 0.0f, -0.0f, 123456789012345678901234567890.f, 0));
  EXPECT_THAT(experiment->findings,
              ::testing::Contains(HasSubstr("1 numbers beyond float32's range")));
}

TEST(HostileFiles, NumbersBeyondFloat64AreErrorsWhereverTheyStand) {
  for (const std::string& number :
       {std::string("1e99999"), std::string("-10e308"), std::string(400, '7')}) {
    for (const std::string& start :
         {absl::StrCat(kVector, "[1,"), std::string(R"({"runs":[{"runtime_seconds":)"),
          std::string(R"({"other":{"a":[1,)")}) {
      const std::string path = WriteTestFile("numbers.json", absl::StrCat(start, number, "]}"));
      EXPECT_THAT(Messages(path), AllOf(HasSubstr(absl::StrCat("byte ", start.size(), ", line 1")),
                                        HasSubstr("Number too big to be stored in double")));
    }
  }
}

// What it says of `start` and `repeated`, of more bytes than it will read.
std::string MessageOfLong(const std::string& start, const std::string& repeated) {
  // Numbers in a list take the least of the budget.
  const size_t bytes = (repeated == "1," ? 128 : 32) << 20;
  const std::string path = WriteTestFile("long.json", start);
  std::string block;
  while (block.size() < 1 << 20) block += repeated;
  std::ofstream file(path, std::ios::app);
  for (size_t written = 0; written < bytes; written += block.size()) file << block;
  file.close();
  const std::string message = SaidInOneGibibyte([&] { return Messages(path); });
  unlink(path.c_str());
  return message;
}

TEST(HostileFiles, LongOnesEndInAnErrorWithinOneGibibyte) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  const struct {
    std::string start, repeated, error;
  } cases[] = {
      {absl::StrCat(kVector, "["), "[", "pos_-1: expected a number, found a text of 65536"},
      {absl::StrCat(kVector, "["), "null,", "pos_-1: an array of more than 4194304 numbers"},
      {R"({"runs":[{"config_id":")", "x", "a string, number or white space of more than 16777216"},
      {R"({")", "k", "a string, number or white space of more than 16777216"},
      {R"({"other":)", "1", "at /other: Number too big"},
      {R"({"other":0.)", "1", "byte 16777225, line 1, at /: expected ',' or '}'"},
      {R"({"configurations":[)", R"({"config_id":"c"},)", "more than 1024 configurations"},
      {R"({"runs":[{"decode_steps":[)", "{},", "more structure and text than"},
      {R"({"experiment_metadata":{"extraction_config":{"layers":[)", "1,",
       "more structure and text than"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(MessageOfLong(c.start, c.repeated), HasSubstr(c.error)) << c.start;
  }
}

// `element` a million times, in an array that is the first value of a file.
std::string AMillion(const std::string& key, const std::string& element) {
  std::string text = absl::StrCat("{\"", key, "\":[", element);
  for (int i = 1; i < 1'000'000; ++i) absl::StrAppend(&text, ",", element);
  return text + "]}";
}

TEST(HostileFiles, AMillionConfigurationsOrRunsAreAnErrorWithinOneGibibyte) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  const struct {
    std::string key, element, error;
  } cases[] = {
      {"configurations", R"({"config_id":"c"})",
       "byte 18451, line 1, at /configurations/1024: more than 1024 configurations"},
      {"runs", R"({"config_id":"c"})", "byte 9, line 1, at /runs: more than 65536 runs"},
      {"runs", R"({"config_id":"c","decode_steps":[{}]})",
       "byte 9, line 1, at /runs: more than 65536 runs"},
  };
  for (const auto& c : cases) {
    const std::string path = WriteTestFile("million.json", AMillion(c.key, c.element));
    EXPECT_THAT(SaidInOneGibibyte([&] { return Messages(path); }), HasSubstr(c.error)) << c.key;
  }
}

// 24 runs take 62 MB each: any piece by itself is within the budget, all are far beyond it.
TEST(HostileFiles, PiecesReadAtOnceShareOneBudget) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  std::string run = R"({"config_id":"c","decode_steps":[{})";
  for (int i = 0; i < 300'000; ++i) run += ",{}";
  run += "]}";
  std::string text = absl::StrCat(R"({"runs":[)", run);
  for (int i = 1; i < 24; ++i) absl::StrAppend(&text, ",", run);
  const std::string path = WriteTestFile("many.json", text + "]}");
  const auto message = [&](size_t piece_bytes) {
    return SaidInOneGibibyte(
        [&] { return std::string(ReadExperiment(path, {piece_bytes}).status().message()); });
  };
  const std::string in_one_piece = message(SIZE_MAX);
  EXPECT_THAT(in_one_piece, HasSubstr("more structure and text than 402653184 bytes hold"));
  for (const size_t piece_bytes : {1'000'000, 0}) {
    EXPECT_EQ(message(piece_bytes), in_one_piece) << piece_bytes;
  }
}

TEST(HostileFiles, AnExperimentHoldsItsShareOfABudgetAsLongAsItLives) {
  std::string text = R"({"experiment_metadata":{"experiment_type":"x"},"configurations":[],)"
                     R"("runs":[{"decode_steps":[{})";
  for (int i = 0; i < 1'000'000; ++i) text += ",{}";
  const std::string path = WriteTestFile("half.json", text + "]}]}");
  const auto budget = std::make_shared<StructureBudget>();
  absl::StatusOr<Experiment> first = ReadExperiment(path, {0, budget});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(ReadExperiment(path, {0, budget}).status().code(),
            absl::StatusCode::kResourceExhausted);
  first = absl::UnknownError("gone");
  EXPECT_TRUE(ReadExperiment(path, {0, budget}).ok()) << "a failed reading gives all back";
}

// Structure in what is passed over is held no longer than its object is open.
TEST(HostileFiles, WhatIsPassedOverTakesNothingInTheEnd) {
  std::string text = R"({"other":[{"key":1})";
  for (int i = 0; i < 6'500'000; ++i) text += R"(,{"key":1})";
  EXPECT_THAT(Messages(WriteTestFile("skipped.json", text + "]}")),
              HasSubstr("not an experiment file"));
}

}  // namespace
}  // namespace forensics::analyzer
