#include "schema/experiment_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/reader.h>

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"

namespace forensics::schema {
namespace {

using ::testing::HasSubstr;

constexpr unsigned kFlags = rapidjson::kParseNanAndInfFlag;

// What the plan's own Python writes: one stored repetition, null for what it does not know.
constexpr char kPlanFile[] = R"({
  "experiment_metadata": {
    "experiment_type": "batch_size", "variable_tested": "batch_size", "model": "m",
    "model_size": "30B", "architecture": "MoE", "sequence_length": 12, "decode_steps": 1,
    "extraction_config": {"layers": [1, 39], "positions": [-3, -2, -1], "hidden_dim": 2,
                          "key_dim": 2, "top_k_logprobs": 2},
    "date_created": "2025-01-01 00:00:00"
  },
  "configurations": [{
    "config_id": "A100_bs1", "hardware": "A100-80GB", "provider": "RunPod", "variable_value": 1,
    "cuda_version": "12.8", "torch_version": "2.7", "transformers_version": null,
    "flash_attn_version": null, "python_version": null,
    "fixed_params": {"compile": false, "quantization": "gptq-int4", "tp_size": 1}
  }],
  "runs": [{
    "config_id": "A100_bs1", "rep_id": 0, "timestamp": "2025-01-01 00:00:00",
    "runtime_seconds": 1.5, "prompt_text": "p",
    "decode_steps": [{
      "step": 0, "token_id": 7, "token_text": "Hello",
      "hidden_states": {"layer_1": {"pos_-2": [0.5, NaN], "pos_-1": [1, "-Infinity"]},
                        "layer_39": {}},
      "key_vectors": {"layer_1": {"pos_-1": [null, Infinity]}},
      "logprobs": {"pos_-1": {"token_ids": [7, 8], "log_probs": [-0.1, -2.5]}}
    }]
  }]
})";

// Reads `text` with the checker as handler; what it says about it.
absl::Status Check(const std::string& text) {
  ExperimentChecker checker;
  rapidjson::Reader reader;
  rapidjson::StringStream stream(text.c_str());
  reader.Parse<kFlags>(stream, checker);
  return checker.Finish();
}

std::string PlanFileWith(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kPlanFile, {{from, to}});
  EXPECT_NE(text, kPlanFile) << from;
  return text;
}

TEST(ExperimentSchema, DescribesEveryKey) {
  rapidjson::Document schema;
  schema.Parse(ExperimentSchemaText().data(), ExperimentSchemaText().size());
  ASSERT_FALSE(schema.HasParseError());
  EXPECT_STREQ(schema["$schema"].GetString(), "http://json-schema.org/draft-04/schema#");
  int properties = 0;
  for (const auto& definition : schema["definitions"].GetObject()) {
    EXPECT_TRUE(definition.value.HasMember("description")) << definition.name.GetString();
    if (!definition.value.HasMember("properties")) continue;
    for (const auto& property : definition.value["properties"].GetObject()) {
      const bool described =
          property.value.HasMember("description") || property.value.HasMember("$ref");
      EXPECT_TRUE(described) << property.name.GetString();
      ++properties;
    }
  }
  EXPECT_GT(properties, 50);
}

TEST(ExperimentChecker, TakesAFileOfThePlansOwnPython) {
  EXPECT_EQ(Check(kPlanFile), absl::OkStatus());
}

struct Case {
  const char* name;
  const char* from;
  const char* to;
};

class Accepted : public testing::TestWithParam<Case> {};

TEST_P(Accepted, Variant) {
  EXPECT_EQ(Check(PlanFileWith(GetParam().from, GetParam().to)), absl::OkStatus());
}

INSTANTIATE_TEST_SUITE_P(
    ExperimentChecker, Accepted,
    testing::Values(
        Case{"VariableOfTypeBool", "\"variable_value\": 1", "\"variable_value\": true"},
        Case{"VariableOfTypeString", "\"variable_value\": 1", "\"variable_value\": \"awq\""},
        Case{"UnknownKeys", "\"rep_id\": 0", "\"rep_id\": 0, \"notes\": {\"a\": [1, {}]}"},
        Case{"NoSignals", "\"hidden_states\"", "\"other_states\""},
        Case{"EmptyVector", "[0.5, NaN]", "[]"}, Case{"NoVector", "[0.5, NaN]", "null"},
        Case{"NoLayers", "\"key_vectors\": {\"layer_1\": {\"pos_-1\": [null, Infinity]}}",
             "\"key_vectors\": {}"},
        Case{"RepetitionWithoutSignals", "\"decode_steps\": [{", "\"elsewhere\": [{"},
        Case{"RuntimeUnknown", "1.5", "null"}, Case{"RuntimeNaN", "1.5", "NaN"},
        Case{"SchemaVersion", "{\n  \"exp", "{\"schema_version\": 1, \"exp"},
        Case{"FedToken", "\"token_id\": 7", "\"token_id\": 7, \"fed_token_id\": 9"},
        Case{"Forced", "\"step\": 0",
             "\"step\": 0, \"reference_log_probs\": {\"pos_-1\": {\"token_ids\": [1], "
             "\"log_probs\": [\"-Infinity\"]}}"},
        Case{"Additions", "\"provider\": \"RunPod\"",
             "\"provider\": null, \"dtype\": \"bfloat16\", \"decoding\": \"forced\", "
             "\"reproducible\": false, \"settings\": {\"a\": \"b\"}, \"overlap\": "
             "{\"overlap_share\": 0.9}, "
             "\"timing\": {\"mean_seconds\": 1, \"variance\": null, \"repetitions\": 1}"}),
    [](const auto& info) { return info.param.name; });

struct BadCase {
  const char* name;
  const char* from;
  const char* to;
  const char* error;
};

class Refused : public testing::TestWithParam<BadCase> {};

TEST_P(Refused, WithPlaceAndCause) {
  const absl::Status status = Check(PlanFileWith(GetParam().from, GetParam().to));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    ExperimentChecker, Refused,
    testing::Values(
        BadCase{"MissingKey", "\"config_id\": \"A100_bs1\", \"rep_id\"", "\"rep_id\"",
                "at /runs/0: missing: config_id"},
        BadCase{"MissingAtTheTop", "\"runs\"", "\"races\"", "at the top: missing: runs"},
        BadCase{"WrongType", "\"rep_id\": 0", "\"rep_id\": \"zero\"",
                "at /runs/0/rep_id: expected \"integer\", found the string \"zero\""},
        BadCase{"FractionForInteger", "\"token_id\": 7", "\"token_id\": 7.5",
                "at /runs/0/decode_steps/0/token_id: expected \"integer\", found 7.5"},
        BadCase{"ObjectForString", "\"hardware\": \"A100-80GB\"", "\"hardware\": {}",
                "at /configurations/0/hardware: expected \"string\", found an object"},
        BadCase{"ArrayForObject", "\"fixed_params\": {", "\"fixed_params\": [], \"x\": {",
                "at /configurations/0/fixed_params: expected \"object\", found an array"},
        BadCase{"WrongDecoding", "\"model\": \"m\"", "\"model\": \"m\", \"decoding\": \"random\"",
                "at /experiment_metadata/decoding: expected one of [\"forced\",\"free\",null]"},
        BadCase{"NegativeLayer", "[1, 39]", "[-1]",
                "at /experiment_metadata/extraction_config/layers/0: expected at least 0"},
        BadCase{"PositivePosition", "[-3, -2, -1]", "[-3, 2]",
                "at /experiment_metadata/extraction_config/positions/1: expected at most -1"},
        BadCase{"WordInVector", "NaN]", "\"nan\"]",
                "at /runs/0/decode_steps/0/hidden_states/layer_1/pos_-2: expected a number, null"},
        BadCase{"BoolInVector", "NaN]", "true]", "found true"},
        BadCase{"ArrayInVector", "NaN]", "[1]]", "an array inside a vector"},
        BadCase{"ObjectInVector", "NaN]", "{}]", "an object inside a vector"},
        BadCase{"NumberForVector", "[0.5, NaN]", "0.5", "expected [\"array\",\"null\"], found 0.5"},
        BadCase{"NameOfLayer", "\"layer_39\"", "\"last\"",
                "at /runs/0/decode_steps/0/hidden_states/layer_1: key \"last\", expected "
                "layer_<number>"},
        BadCase{"NameOfPosition", "\"pos_-2\"", "\"minus_2\"", "expected pos_<number>"},
        BadCase{"NameOfLogProbPosition", "\"logprobs\": {\"pos_-1\"", "\"logprobs\": {\"p\"",
                "expected pos_<number>"},
        BadCase{"TokenIdNotInteger", "[7, 8]", "[7, \"x\"]",
                "at /runs/0/decode_steps/0/logprobs/pos_-1/token_ids/1: expected \"integer\""},
        BadCase{"KeyTwice", "\"rep_id\": 0", "\"rep_id\": 0, \"rep_id\": 1",
                "key \"rep_id\" twice"},
        BadCase{"LaterVersion", "{\n  \"exp", "{\"schema_version\": 2, \"exp",
                "at /schema_version: written by a later version of this software: schema 2, this "
                "one reads up to 1"},
        BadCase{"HugeVersion", "{\n  \"exp", "{\"schema_version\": 18446744073709551615, \"exp",
                "written by a later version"},
        BadCase{"CutOff", "\"decode_steps\": [{\n      \"step\": 0,",
                "\"decode_steps\": [{\n      ", "missing: step"}),
    [](const auto& info) { return info.param.name; });

TEST(ExperimentChecker, TopThatIsNoObject) {
  EXPECT_THAT(std::string(Check("[]").message()), HasSubstr("at the top: expected \"object\""));
}

TEST(ExperimentChecker, AnUnfinishedDocumentIsNotOk) {
  const std::string text(kPlanFile);
  const absl::Status status = Check(text.substr(0, text.find("0.5")));
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("at /runs/0/decode_steps/0/hidden_states/layer_1/pos_-2: the document ends"));
}

TEST(ExperimentChecker, NumbersOfAVectorMayBeLeftOut) {
  class Skipper : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Skipper> {
   public:
    explicit Skipper(ExperimentChecker& checker) : checker_(checker) {}
    bool Null() { return checker_.InVector() || checker_.Null(); }
    bool Bool(bool b) { return checker_.Bool(b); }
    bool Int(int i) { return Skip() || checker_.Int(i); }
    bool Uint(unsigned u) { return Skip() || checker_.Uint(u); }
    bool Int64(int64_t i) { return Skip() || checker_.Int64(i); }
    bool Uint64(uint64_t u) { return Skip() || checker_.Uint64(u); }
    bool Double(double d) { return Skip() || checker_.Double(d); }
    bool String(const char* s, unsigned n, bool c) { return checker_.String(s, n, c); }
    bool StartObject() { return checker_.StartObject(); }
    bool Key(const char* s, unsigned n, bool c) { return checker_.Key(s, n, c); }
    bool EndObject(unsigned n) { return checker_.EndObject(n); }
    bool StartArray() { return checker_.StartArray(); }
    bool EndArray(unsigned n) { return checker_.EndArray(n); }
    int skipped() const { return skipped_; }

   private:
    bool Skip() {
      if (checker_.InVector()) ++skipped_;
      return checker_.InVector();
    }
    ExperimentChecker& checker_;
    int skipped_ = 0;
  };
  ExperimentChecker checker;
  Skipper skipper(checker);
  rapidjson::Reader reader;
  rapidjson::StringStream stream(kPlanFile);
  ASSERT_FALSE(reader.Parse<kFlags>(stream, skipper).IsError()) << checker.status();
  EXPECT_EQ(checker.Finish(), absl::OkStatus());
  EXPECT_EQ(skipper.skipped(), 6);
}

TEST(ExperimentChecker, RefusesBracketsWithoutEnd) {
  const std::string many(1000, '[');
  const absl::Status status = Check(PlanFileWith("\"rep_id\": 0", "\"x/y\": " + many));
  EXPECT_THAT(std::string(status.message()), HasSubstr("at /runs/0/x~1y/0/0/0"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("nested too deeply"));
}

TEST(ExperimentChecker, TakesNumbersAsText) {
  ExperimentChecker checker;
  rapidjson::Reader reader;
  std::string text = absl::StrReplaceAll(kPlanFile, {{"NaN", "1"}, {", Infinity", ""}});
  rapidjson::StringStream stream(text.c_str());
  ASSERT_FALSE(reader.Parse<rapidjson::kParseNumbersAsStringsFlag>(stream, checker).IsError())
      << checker.status();
  EXPECT_EQ(checker.Finish(), absl::OkStatus());
}

TEST(Names, OfLayersAndPositions) {
  EXPECT_EQ(LayerName(47), "layer_47");
  EXPECT_EQ(PositionName(-3), "pos_-3");
}

}  // namespace
}  // namespace forensics::schema
