#include "collector/fuse.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>

#include "collector/testing/results.h"

namespace forensics::collector {
namespace {

using schema::Repetition;
using schema::RunManifest;
using schema::SyntheticRun;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kNow[] = "2025-06-07 08:09:10";

class FuseTest : public ResultsTest {
 protected:
  absl::StatusOr<FuseReport> FuseAll(const std::vector<std::string>& experiments = {},
                                     bool allow_non_reproducible = false) {
    return Fuse({{{results_}, experiments, allow_non_reproducible}, output_, kNow}, nullptr);
  }

  rapidjson::Document ParseOutput(const std::string& name) { return Parse(output_ + "/" + name); }

  static std::vector<std::string> Names(const FuseReport& report) {
    std::vector<std::string> names;
    for (const WrittenFile& file : report.files) {
      names.push_back(std::filesystem::path(file.path).filename().string());
    }
    return names;
  }

  const std::string output_ = folder_ + "/experiments";
};

TEST_F(FuseTest, WritesAFileForEachExperiment) {
  for (const char* hardware : {"A100-80GB", "H100"}) {
    SyntheticRun run;
    run.hardware = hardware;
    const RunManifest reference = Write(run);
    WriteVariants("batch_size", reference);
    WriteVariants("quantization", reference);
  }
  const auto report = FuseAll();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->problems, IsEmpty());
  EXPECT_THAT(Names(*report), ElementsAre("reference_baseline.json", "batch_size_experiment.json",
                                          "quantization_experiment.json"));
  EXPECT_EQ(report->files[1].configurations, 6);
  EXPECT_EQ(report->files[1].runs, 18);
  EXPECT_EQ(report->files[1].bytes,
            static_cast<int64_t>(std::filesystem::file_size(report->files[1].path)));
}

TEST_F(FuseTest, WritesThoseAskedForAlone) {
  const RunManifest reference = Write({});
  WriteVariants("batch_size", reference);
  WriteVariants("compile", reference);
  const auto report = FuseAll({"compile"});
  EXPECT_THAT(Names(*report), ElementsAre("compile_experiment.json"));
  EXPECT_THAT(report->problems, IsEmpty());
}

TEST_F(FuseTest, TheTinyRunsFileIsTheGoldenOne) {
  SyntheticRun run;
  run.layers = {1};
  run.hidden_size = 3;
  run.key_size = 2;
  run.top_k = 1;
  run.prompt_tokens = 2;
  run.decode_steps = 2;
  run.repetitions = 2;
  run.edit_repetition = [](Repetition& repetition) {
    const std::vector<float> hidden = {0.1f, -0.0f, std::numeric_limits<float>::quiet_NaN()};
    const std::vector<float> key = {-std::numeric_limits<float>::infinity(), 3.0f};
    const auto values = [](const std::vector<float>& floats) {
      return schema::MakeValues(
          schema::FLOAT32,
          std::string(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)));
    };
    repetition.steps[0].set_token_text("\"\n");
    for (schema::PositionRecord& position : repetition.positions) {
      *position.mutable_layers(0)->mutable_hidden_state() = values(hidden);
      *position.mutable_layers(0)->mutable_key() = values(key);
      position.mutable_top_log_probs()->set_token_ids(0, position.position());
      *position.mutable_top_log_probs()->mutable_log_probs() = values({-0.25f});
    }
  };
  Write(run);
  ASSERT_TRUE(FuseAll().ok());
  // To renew it after a change that is meant: copy the file that this test names.
  const std::string written = *schema::ReadFile(output_ + "/reference_baseline.json");
  EXPECT_EQ(written, *schema::ReadFile("collector/testdata/reference_baseline.json"))
      << output_ << "/reference_baseline.json";
}

// Bits of a JSON element, as a reader gets them that knows float32.
uint32_t Bits(const rapidjson::Value& value) {
  float number = 0;
  if (value.IsString()) {
    const std::string text = value.GetString();
    number = text == "NaN" ? std::numeric_limits<float>::quiet_NaN()
                           : std::strtof(text.c_str(), nullptr);
  } else {
    number = static_cast<float>(value.GetDouble());
  }
  uint32_t bits = 0;
  std::memcpy(&bits, &number, sizeof bits);
  return bits;
}

void ExpectSameBits(const rapidjson::Value& json, const schema::Values& values) {
  const std::vector<float> expected = *schema::ToFloats(values);
  ASSERT_EQ(json.Size(), expected.size());
  for (rapidjson::SizeType i = 0; i < json.Size(); ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, &expected[i], sizeof bits);
    ASSERT_EQ(Bits(json[i]), std::isnan(expected[i]) ? 0x7fc00000u : bits) << i;
  }
}

// Any bits at all, by dtype.
schema::Values RandomBits(schema::DType dtype, int count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string data;
  for (size_t i = 0; i < count * schema::BytesPerElement(dtype); ++i) {
    data.push_back(static_cast<char>(random()));
  }
  return schema::MakeValues(dtype, data);
}

void ExpectLogProbs(const rapidjson::Value& json, const schema::LogProbs& log_probs) {
  ExpectSameBits(json["log_probs"], log_probs.log_probs());
  ASSERT_EQ(json["token_ids"].Size(), static_cast<unsigned>(log_probs.token_ids_size()));
  for (int i = 0; i < log_probs.token_ids_size(); ++i) {
    EXPECT_EQ(json["token_ids"][static_cast<unsigned>(i)].GetInt64(), log_probs.token_ids(i));
  }
}

void ExpectStep(const rapidjson::Value& json, const schema::StepRecord& step,
                const Repetition& repetition, int window, int last) {
  EXPECT_EQ(json["step"].GetInt(), step.step());
  EXPECT_EQ(json["token_id"].GetInt64(), step.token_id());
  EXPECT_EQ(json["fed_token_id"].GetInt64(), step.fed_token_id());
  EXPECT_EQ(json["token_text"].GetString(), step.token_text());
  const int in_window = std::min(window, last + 1);
  EXPECT_EQ(json["logprobs"].MemberCount(), static_cast<unsigned>(in_window));
  for (int back = 1; back <= in_window; ++back) {
    const schema::PositionRecord& position =
        repetition.positions[static_cast<size_t>(last + 1 - back)];
    const std::string name = absl::StrCat("pos_-", back);
    for (const schema::LayerSignals& layer : position.layers()) {
      const std::string layer_name = absl::StrCat("layer_", layer.layer());
      ExpectSameBits(json["hidden_states"][layer_name.c_str()][name.c_str()], layer.hidden_state());
      ExpectSameBits(json["key_vectors"][layer_name.c_str()][name.c_str()], layer.key());
    }
    ExpectLogProbs(json["logprobs"][name.c_str()], position.top_log_probs());
    ASSERT_EQ(json.HasMember("reference_log_probs"), position.has_reference_log_probs());
    if (position.has_reference_log_probs()) {
      ExpectLogProbs(json["reference_log_probs"][name.c_str()], position.reference_log_probs());
    }
  }
}

struct RoundTripCase {
  const char* name;
  schema::DType dtype;
  int prompt_tokens;
  int window;
  int decode_steps;
  bool forced;
};

class RoundTrip : public FuseTest, public testing::WithParamInterface<RoundTripCase> {};

TEST_P(RoundTrip, EveryBitOfTheShardComesBack) {
  const RunManifest reference = Write({}, folder_ + "/elsewhere");
  SyntheticRun run;
  run.dtype = GetParam().dtype;
  run.prompt_tokens = GetParam().prompt_tokens;
  run.window = GetParam().window;
  run.decode_steps = GetParam().decode_steps;
  run.reference = GetParam().forced ? &reference : nullptr;
  run.hidden_size = 500;
  run.edit_repetition = [&run](Repetition& repetition) {
    uint64_t seed = 0;
    for (schema::PositionRecord& position : repetition.positions) {
      for (schema::LayerSignals& layer : *position.mutable_layers()) {
        *layer.mutable_hidden_state() = RandomBits(run.dtype, run.hidden_size, ++seed);
        *layer.mutable_key() = RandomBits(run.dtype, run.key_size, ++seed);
      }
    }
  };
  Write(run);
  ASSERT_TRUE(FuseAll().ok());
  const rapidjson::Document document = ParseOutput("reference_baseline.json");
  const rapidjson::Value& steps = document["runs"][2]["decode_steps"];
  const Repetition repetition = MakeRepetition(run, 2);
  ASSERT_EQ(steps.Size(), repetition.steps.size());
  const int of_prefill = std::min(run.window, run.prompt_tokens);
  for (rapidjson::SizeType i = 0; i < steps.Size(); ++i) {
    ExpectStep(steps[i], repetition.steps[i], repetition, run.window,
               of_prefill - 1 + static_cast<int>(i));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fuse, RoundTrip,
    testing::Values(RoundTripCase{"Float32", schema::FLOAT32, 5, 3, 4, true},
                    RoundTripCase{"BFloat16", schema::BFLOAT16, 5, 3, 4, false},
                    RoundTripCase{"Float16", schema::FLOAT16, 5, 3, 4, true},
                    RoundTripCase{"OneToken", schema::FLOAT32, 1, 3, 4, false},
                    RoundTripCase{"OneStep", schema::FLOAT32, 5, 3, 1, false},
                    RoundTripCase{"OnePosition", schema::FLOAT32, 5, 1, 3, false},
                    RoundTripCase{"WideWindow", schema::FLOAT32, 2, 8, 9, false}),
    [](const auto& info) { return info.param.name; });

TEST_F(FuseTest, AllButTheVariableAreFixed) {
  const RunManifest reference = Write({});
  const std::vector<std::string> all = {"batch_size",        "compile", "attention_impl",
                                        "quantization",      "tp_size", "ep_size",
                                        "concurrent_streams"};
  const std::vector<std::pair<std::string, std::string>> tested = {{"batch_size", "batch_size"},
                                                                   {"compile", "compile"},
                                                                   {"quantization", "quantization"},
                                                                   {"cuda_version", ""}};
  for (const auto& [name, key] : tested) WriteVariants(name, reference);
  ASSERT_TRUE(FuseAll().ok());
  for (const auto& [name, key] : tested) {
    const rapidjson::Document document = ParseOutput(name + "_experiment.json");
    const rapidjson::Value& fixed = document["configurations"][0]["fixed_params"];
    for (const std::string& param : all) EXPECT_EQ(fixed.HasMember(param.c_str()), param != key);
  }
  const rapidjson::Document baseline = ParseOutput("reference_baseline.json");
  EXPECT_EQ(baseline["configurations"][0]["fixed_params"].MemberCount(), all.size());
  EXPECT_STREQ(baseline["experiment_metadata"]["variable_tested"].GetString(), "none");
  const rapidjson::Document compiled = ParseOutput("compile_experiment.json");
  EXPECT_STREQ(compiled["configurations"][1]["fixed_params"]["quantization"].GetString(),
               "awq-int4");
}

TEST_F(FuseTest, TimingIsMeanAndSampleVariance) {
  Write({});  // 10, 11 and 12 seconds
  SyntheticRun once;
  once.hardware = "H100";
  once.repetitions = 1;
  Write(once);
  ASSERT_TRUE(FuseAll().ok());
  const rapidjson::Document document = ParseOutput("reference_baseline.json");
  const rapidjson::Value& timing = document["configurations"][0]["timing"];
  EXPECT_EQ(timing["mean_seconds"].GetDouble(), 11);
  EXPECT_EQ(timing["variance"].GetDouble(), 1);
  EXPECT_EQ(timing["repetitions"].GetInt(), 3);
  EXPECT_TRUE(document["configurations"][1]["timing"]["variance"].IsNull());
  EXPECT_TRUE(document["configurations"][0]["reproducible"].GetBool());
  EXPECT_TRUE(document["configurations"][1]["reproducible"].IsNull());
}

TEST_F(FuseTest, OneEntryARepetitionAndOnlyTheStoredOneHasSteps) {
  Write({});
  ASSERT_TRUE(FuseAll().ok());
  const rapidjson::Document document = ParseOutput("reference_baseline.json");
  const rapidjson::Value& runs = document["runs"];
  ASSERT_EQ(runs.Size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(runs[i]["rep_id"].GetUint(), i);
    EXPECT_EQ(runs[i].HasMember("decode_steps"), i == 2);
    EXPECT_EQ(runs[i]["signals_sha256"], runs[0]["signals_sha256"]);
  }
}

TEST_F(FuseTest, NonReproducibleRunsAreMarkedAndStoredInFull) {
  SyntheticRun run;
  run.reproducible = false;
  Write(run);
  const auto refused = FuseAll();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("is not reproducible"));
  ASSERT_TRUE(FuseAll({}, true).ok());
  const rapidjson::Document document = ParseOutput("reference_baseline.json");
  EXPECT_FALSE(document["configurations"][0]["reproducible"].GetBool());
  for (const rapidjson::Value& entry : document["runs"].GetArray()) {
    EXPECT_TRUE(entry.HasMember("decode_steps"));
  }
}

TEST_F(FuseTest, WhatIsUnknownIsNull) {
  SyntheticRun run;
  run.edit_manifest = [](RunManifest& manifest) {
    manifest.clear_provider();
    manifest.clear_versions();
    manifest.mutable_model()->clear_parameters();
    manifest.mutable_model()->set_mixture_of_experts(false);
  };
  Write(run);
  ASSERT_TRUE(FuseAll().ok());
  const rapidjson::Document document = ParseOutput("reference_baseline.json");
  for (const char* name : {"provider", "cuda_version", "torch_version", "transformers_version",
                           "flash_attn_version", "python_version"}) {
    EXPECT_TRUE(document["configurations"][0][name].IsNull()) << name;
  }
  EXPECT_TRUE(document["experiment_metadata"]["model_size"].IsNull());
  EXPECT_STREQ(document["experiment_metadata"]["architecture"].GetString(), "dense");
}

TEST_F(FuseTest, OneRefusedExperimentDoesNotKeepTheOthersFromBeingWritten) {
  const RunManifest reference = Write({});
  WriteVariants("compile", reference);
  SyntheticRun other;
  other.experiment = schema::SyntheticExperiment("batch_size");
  other.prompt_tokens = 6;
  Write(other);
  const auto report = FuseAll();
  EXPECT_THAT(Names(*report), ElementsAre("reference_baseline.json", "compile_experiment.json"));
  EXPECT_THAT(report->problems, Contains(HasSubstr("batch_size is refused: prompt")));
}

TEST_F(FuseTest, AnUnknownExperimentIsNamedBesideThoseThatAreThere) {
  WriteVariants("compile", Write({}));
  const auto report = FuseAll({"compile", "weather"});
  EXPECT_THAT(Names(*report), ElementsAre("compile_experiment.json"));
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("weather: no finished run")));
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("found: reference, compile")));
}

TEST_F(FuseTest, AManifestTextThatIsNotUtf8IsNamed) {
  SyntheticRun run;
  run.edit_manifest = [](RunManifest& manifest) { (*manifest.mutable_settings())["odd"] = "\xff"; };
  const auto directory = schema::WriteSyntheticRun(run, results_);
  const auto report = FuseAll();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_THAT(report->files, IsEmpty());
  EXPECT_THAT(report->problems, ElementsAre(HasSubstr("settings/odd: text that is not UTF-8")));
  EXPECT_FALSE(std::filesystem::exists(output_ + "/reference_baseline.json"));
}

TEST_F(FuseTest, NothingFoundSaysWhatToTypeFirst) {
  const absl::Status status = FuseAll().status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("no finished run in " + results_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("First: bazel run //runner:exp0"));
}

TEST_F(FuseTest, AnOutputThatIsAFileIsAnError) {
  Write({});
  ASSERT_TRUE(schema::WriteFileAtomically(output_, "x").ok());
  const auto report = FuseAll();
  EXPECT_THAT(
      report.status().ok() ? report->problems.front() : std::string(report.status().message()),
      HasSubstr(output_));
  if (report.ok()) {
    EXPECT_THAT(report->files, IsEmpty());
  }
}

TEST(ModelSize, IsCutAsModelsAreNamed) {
  EXPECT_EQ(ModelSize(30532122624), "30B");
  EXPECT_EQ(ModelSize(1720574976), "1.7B");
  EXPECT_EQ(ModelSize(4022468096), "4B");
  EXPECT_EQ(ModelSize(596049920), "596M");
  EXPECT_EQ(ModelSize(1234567), "1.2M");
  EXPECT_EQ(ModelSize(999), "999");
  EXPECT_EQ(ModelSize(0), "");
}

// A run that was sound when it was looked at, and changes before it is written.
TEST_F(FuseTest, ARunThatChangesMeanwhileIsNamedAndLeavesNoFile) {
  namespace fs = std::filesystem;
  const auto resize = [](int by) {
    return [by](const schema::RunDirectory& run) {
      const std::string shard = run.ShardPath(2, 0, 1);
      fs::resize_file(shard,
                      static_cast<uintmax_t>(static_cast<int64_t>(fs::file_size(shard)) + by));
    };
  };
  const auto replace_by = [this](SyntheticRun other, bool with_manifest) {
    return [this, other, with_manifest](const schema::RunDirectory& run) {
      const auto directory = schema::WriteSyntheticRun(other, folder_ + "/other");
      const std::string name = fs::path(run.ShardPath(2, 0, 1)).filename().string();
      fs::rename(directory->path() + "/" + name, run.path() + "/" + name);
      if (with_manifest) fs::rename(directory->ManifestPath(), run.ManifestPath());
    };
  };
  SyntheticRun other_seed;
  other_seed.seed = 2;
  SyntheticRun other_prompt;
  other_prompt.prompt_tokens = 7;
  const std::pair<std::function<void(const schema::RunDirectory&)>, const char*> cases[] = {
      {resize(-100), "rep_2.rank_0_of_1.shard: cut off: "},
      {resize(1), "rep_2.rank_0_of_1.shard: damaged: bytes behind the end mark at "},
      {replace_by(other_seed, false), "repetition 2: signals_sha256 is "},
      {replace_by(other_prompt, true), "manifest.textproto: prompt.token_ids_sha256, read once "}};
  for (const auto& [change, error] : cases) {
    fs::remove_all(folder_);
    Write({});
    const auto meanwhile = [&change = change](const ExperimentPlan& plan, size_t i) {
      change(plan.configurations[i].run->directory);
    };
    const auto report = Fuse({{{results_}, {}, false}, output_, kNow}, meanwhile);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->problems, ElementsAre(HasSubstr(error)));
    EXPECT_THAT(report->files, IsEmpty());
    EXPECT_FALSE(fs::exists(output_ + "/reference_baseline.json"));
  }
}

}  // namespace
}  // namespace forensics::collector
