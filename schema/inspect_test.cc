#include "schema/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schema/atomic_file.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::schema {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kExperiment[] = R"({"schema_version": 1,
"experiment_metadata": {"experiment_type": "compile", "variable_tested": "compile", "model": "m",
  "model_size": null, "architecture": "MoE", "sequence_length": 12, "decode_steps": 2,
  "extraction_config": {"layers": [2, 11], "positions": [-1], "hidden_dim": 2, "key_dim": 1,
                        "top_k_logprobs": 1}, "date_created": "2025-01-01 00:00:00"},
"configurations": [{"config_id": "A100_compiled", "hardware": "A100", "provider": null,
  "variable_value": true, "cuda_version": "12.8", "torch_version": "2.7",
  "transformers_version": null, "flash_attn_version": null, "python_version": null,
  "fixed_params": {}}],
"runs": [{"config_id": "A100_compiled", "rep_id": 0, "timestamp": "t", "runtime_seconds": 1.5,
  "prompt_text": "p", "decode_steps": [
  {"step": 0, "token_id": 1, "token_text": "a",
   "hidden_states": {"layer_2": {"pos_-1": [1, NaN]}, "layer_11": {"pos_-1": ["-Infinity", 2]}},
   "key_vectors": {"layer_2": {"pos_-1": [3]}}, "logprobs": {}},
  {"step": 1, "token_id": 1, "token_text": "a",
   "hidden_states": {"layer_2": {"pos_-1": [1, 2, 3]}}}]}]})";

class InspectTest : public testing::Test {
 protected:
  InspectTest()
      : folder_(absl::StrCat(testing::TempDir(), "/",
                             testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
  }

  std::string WriteRun() {
    const auto directory = WriteSyntheticRun({}, folder_);
    EXPECT_TRUE(directory.ok()) << directory.status();
    return directory->path();
  }

  std::string WriteText(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(folder_, "/", name);
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }

  std::string TextOf(const std::string& path) {
    const auto inspection = Inspect(path);
    EXPECT_TRUE(inspection.ok()) << inspection.status();
    return inspection.ok() ? inspection->text : "";
  }

  std::string ErrorOf(const std::string& path) {
    return std::string(Inspect(path).status().message());
  }

  const std::string folder_;
};

TEST_F(InspectTest, Shard) {
  const std::string text = TextOf(WriteRun() + "/rep_2.rank_0_of_1.shard");
  EXPECT_THAT(text, HasSubstr("A100_reference, repetition 2, rank 0 of 1"));
  EXPECT_THAT(text, HasSubstr("position 4, computed at step 0"));
  EXPECT_THAT(text, HasSubstr("position 7, computed at step 3"));
  EXPECT_THAT(text, ContainsRegex("3  hidden_state  float32      8  [0-9a-f]{8} "));
  EXPECT_THAT(text, ContainsRegex("0    398  398  0.250000  t398"));
  EXPECT_THAT(text, ContainsRegex("log-probs  62:-"));
}

TEST_F(InspectTest, ShardStatistics) {
  SyntheticRun run;
  run.layers = {1};
  run.edit_repetition = [](Repetition& repetition) {
    // -3, 4, +infinity and a NaN as bfloat16.
    *repetition.positions[0].mutable_layers(0)->mutable_hidden_state() =
        MakeValues(BFLOAT16, std::string("\x40\xc0\x80\x40\x80\x7f\xc0\x7f", 8));
    repetition.steps[0].set_token_text("a\nb");
  };
  const auto directory = WriteSyntheticRun(run, folder_);
  const std::string text = TextOf(directory->ShardPath(2, 0, 1));
  EXPECT_THAT(text, ContainsRegex("bfloat16 +4 +[0-9a-f]{8} +-3 +4 +5 +2 +-3 4 inf nan"));
  EXPECT_THAT(text, HasSubstr("a\\nb"));
}

TEST_F(InspectTest, RunDirectoryAndItsManifest) {
  const std::string path = WriteRun();
  for (const std::string& given : {path, path + "/manifest.textproto"}) {
    const std::string text = TextOf(given);
    EXPECT_THAT(text, HasSubstr(": finished"));
    EXPECT_THAT(text, ContainsRegex("hardware +A100-80GB"));
    EXPECT_THAT(text, ContainsRegex("reproducible +yes"));
    EXPECT_THAT(text, ContainsRegex("cublas_workspace +:4096:8"));
    EXPECT_THAT(text, ContainsRegex("  machine\n +gpu.uuid +GPU-0123\n"));
    EXPECT_THAT(text, ContainsRegex("2  2025-01-02 03:04:05   12.000    4.000   8.000  yes"));
    EXPECT_THAT(text, HasSubstr("rep_2.rank_0_of_1.shard"));
  }
}

TEST_F(InspectTest, ShardsOfManyRanksAndTheirJoin) {
  SyntheticRun run;
  run.experiment = SyntheticExperiment("tensor_parallel");
  run.edit_manifest = [](RunManifest& m) { m.add_other_shapes("decode linear: 1 row, here 2"); };
  run.edit_repetition = [](Repetition& repetition) {
    repetition.footer.add_kernels()->set_kernel("linear/own_16_lanes");
    repetition.footer.mutable_background_load()->set_workers(7);
    (*repetition.footer.mutable_machine_facts())["gpu.sm_clock_mhz"] = "1980";
  };
  const std::string path = WriteSyntheticRun(run, folder_)->path();
  const std::string of_run = TextOf(path);
  EXPECT_THAT(of_run, HasSubstr("  ranks          2\n"));
  EXPECT_THAT(of_run, ContainsRegex("2 +1  \\[2, 4\\) +\\[500, 1000\\) +12.000 +[0-9a-f]{64}"));
  EXPECT_THAT(of_run, HasSubstr("decode linear: 1 row, here 2"));

  const std::string rank = TextOf(path + "/rep_2.rank_1_of_2.shard");
  EXPECT_THAT(rank, HasSubstr("part: key elements [2, 4), token ids [500, 1000)"));
  EXPECT_THAT(rank, ContainsRegex("1  key           float32      2 "));
  EXPECT_THAT(rank, HasSubstr("linear/own_16_lanes"));
  EXPECT_THAT(rank, HasSubstr("7 workers"));
  EXPECT_THAT(rank, HasSubstr("machine, after the last token\n  gpu.sm_clock_mhz  1980\n"));

  const std::string joined = TextOf(path + "/rep_2.rank_*_of_2.shard");
  EXPECT_THAT(joined, HasSubstr("A100_tp2, repetition 2, all ranks of 2"));
  EXPECT_THAT(joined, ContainsRegex("1  key           float32      4 "));
  EXPECT_THAT(joined, ContainsRegex("log-probs  62:-"));
  EXPECT_THAT(ErrorOf(path + "/rep_2.rank_*_of_4.shard"), HasSubstr("rep_2.rank_0_of_4.shard"));
  std::filesystem::remove(path + "/rep_2.rank_1_of_2.shard");
  EXPECT_THAT(ErrorOf(path + "/rep_2.rank_*_of_2.shard"), HasSubstr("rep_2.rank_1_of_2.shard"));
  EXPECT_THAT(TextOf(path), HasSubstr("DAMAGED"));
}

TEST_F(InspectTest, UnfinishedRun) {
  const std::string path = WriteRun();
  std::filesystem::remove(path + "/manifest.textproto");
  EXPECT_THAT(TextOf(path),
              AllOf(HasSubstr("unfinished (no manifest)"), HasSubstr("rep_2.rank_0_of_1.shard")));
  EXPECT_THAT(TextOf(folder_), ContainsRegex("A100-80GB  A100_reference  unfinished"));
}

TEST_F(InspectTest, NonReproducibleRunShowsTheFirstDifference) {
  SyntheticRun run;
  run.reproducible = false;
  run.edit_manifest = [](RunManifest& manifest) {
    manifest.mutable_first_difference()->set_signal("key_vectors");
  };
  const auto directory = WriteSyntheticRun(run, folder_);
  EXPECT_THAT(TextOf(directory->path()),
              AllOf(ContainsRegex("reproducible +NO"), HasSubstr("signal: \"key_vectors\"")));
  EXPECT_THAT(TextOf(folder_), HasSubstr("2 kinds"));
}

TEST_F(InspectTest, ResultsTableNamesDamagedRunsAndGoesOn) {
  const std::string path = WriteRun();
  SyntheticRun other;
  other.hardware = "H100";
  ASSERT_TRUE(WriteSyntheticRun(other, folder_).ok());
  std::string manifest = *ReadFile(path + "/manifest.textproto");
  ASSERT_TRUE(WriteFileAtomically(path + "/manifest.textproto", "x" + manifest).ok());
  const auto inspection = Inspect(folder_);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_THAT(inspection->text, ContainsRegex("A100-80GB  A100_reference  DAMAGED"));
  EXPECT_THAT(inspection->text,
              ContainsRegex("H100 +H100_reference +reference +\"baseline\" +free"));
  EXPECT_THAT(inspection->problems, ElementsAre(HasSubstr("damaged: SHA-256")));
}

// Damage to the stored shard of a finished run: the run and the results folder both name it.
class DamagedShard : public InspectTest, public testing::WithParamInterface<int> {};

TEST_P(DamagedShard, IsAProblemOfItsRunAndResults) {
  const std::string path = WriteRun();
  const std::string shard = path + "/rep_2.rank_0_of_1.shard";
  const std::string bytes = *ReadFile(shard);
  std::string error = "rep_2.rank_0_of_1.shard: no such file";
  if (GetParam() == 0) {
    std::filesystem::remove(shard);
  } else if (GetParam() == 1) {
    ASSERT_TRUE(WriteFileAtomically(shard, bytes.substr(0, bytes.size() - 3)).ok());
    error = "cut off";
  } else {
    SyntheticRun other;
    other.seed = 2;
    const auto directory = WriteSyntheticRun(other, folder_ + "_other");
    ASSERT_TRUE(WriteFileAtomically(shard, *ReadFile(directory->ShardPath(2, 0, 1))).ok());
    error = "signals_sha256 is ";
  }
  for (const std::string& given : {path, path + "/manifest.textproto", folder_}) {
    const auto inspection = Inspect(given);
    ASSERT_TRUE(inspection.ok()) << inspection.status();
    EXPECT_THAT(inspection->text, HasSubstr("DAMAGED"));
    EXPECT_THAT(inspection->problems, ElementsAre(AllOf(HasSubstr(path), HasSubstr(error))));
  }
}

INSTANTIATE_TEST_SUITE_P(Inspect, DamagedShard, testing::Values(0, 1, 2));

TEST_F(InspectTest, OneRepetitionProvesNothing) {
  SyntheticRun run;
  run.repetitions = 1;
  const auto directory = WriteSyntheticRun(run, folder_);
  EXPECT_THAT(TextOf(directory->path()), ContainsRegex("reproducible +unknown"));
}

TEST_F(InspectTest, OddLinksAreProblemsOfTheResults) {
  WriteRun();
  std::filesystem::create_symlink("loop", folder_ + "/loop");
  const auto inspection = Inspect(folder_);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_THAT(inspection->problems, ElementsAre(HasSubstr(folder_ + "/loop: ")));
}

TEST_F(InspectTest, ExperimentOutline) {
  const std::string text = TextOf(WriteText("compile_experiment.json", kExperiment));
  EXPECT_THAT(text, ContainsRegex("extraction_config.layers +2, 11"));
  EXPECT_THAT(text, ContainsRegex("A100_compiled  A100 +true +- "));
  EXPECT_THAT(text, ContainsRegex("A100_compiled +0 +1.5 +2 +2 11 +8 +2 +hidden_states 2/3, "
                                  "key_vectors 1"));
}

TEST_F(InspectTest, FolderOfExperimentsGoesOnAfterADamagedOne) {
  WriteText("compile_experiment.json", kExperiment);
  WriteText("batch_size_experiment.json", "{\"runs\": 7}");
  const auto inspection = Inspect(folder_);
  ASSERT_TRUE(inspection.ok()) << inspection.status();
  EXPECT_THAT(inspection->text, HasSubstr("compile_experiment.json: sound"));
  EXPECT_THAT(inspection->problems, ElementsAre(HasSubstr("at /runs: expected \"array\"")));
}

TEST_F(InspectTest, KeysWithSlashesAreNoPaths) {
  const std::string text = absl::StrReplaceAll(
      kExperiment, {{"\"schema_version\": 1", "\"runs/zz/y\": 1, \"configurations/q/z\": 2"}});
  EXPECT_THAT(TextOf(WriteText("x.json", text)), HasSubstr("sound"));
}

// As the analyzer does. Everything below is an error that says how.
TEST_F(InspectTest, AByteOrderMarkIsPassedOver) {
  EXPECT_THAT(TextOf(WriteText("mark.json", absl::StrCat("\xEF\xBB\xBF", kExperiment))),
              HasSubstr("mark.json: sound"));
}

TEST_F(InspectTest, WhatIsNoTextOfAnExperimentIsNamed) {
  const std::string text = kExperiment;
  const std::pair<std::string, std::string> cases[] = {
      {absl::StrReplaceAll(text, {{"\"prompt_text\": \"p\"", "\"prompt_text\": \"\xED\xA0\x80\""}}),
       "at /runs/0/prompt_text: Invalid encoding in string"},
      {text + std::string(1, '\0'), absl::StrCat("byte ", text.size(), ": expected the end")},
      {std::string("\x1f\x8b\x08\0\0", 5), "byte 0: is compressed by gzip"},
      {absl::StrCat("{\"", std::string(17 << 20, 'k'), "\":1}"),
       "a string, number or white space of more than 16777216 bytes"}};
  for (const auto& [bytes, error] : cases) {
    EXPECT_THAT(ErrorOf(WriteText("odd.json", bytes)), HasSubstr(error));
  }
}

TEST_F(InspectTest, AKeyThatComesTwiceIsNamedAtEachLevel) {
  // What a key is put behind once more, and the path of that.
  const std::string step = "/runs/0/decode_steps/0";
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"\"schema_version\": 1", "schema_version", ""},
      {"\"model\": \"m\"", "model", "/experiment_metadata"},
      {"\"hidden_dim\": 2", "hidden_dim", "/experiment_metadata/extraction_config"},
      {"\"hardware\": \"A100\"", "hardware", "/configurations/0"},
      {"\"fixed_params\": {\"a\": 1", "a", "/configurations/0/fixed_params"},
      {"\"prompt_text\": \"p\"", "prompt_text", "/runs/0"},
      {"\"token_text\": \"a\"", "token_text", step},
      {"\"pos_-1\": [1, NaN]", "pos_-1", step + "/hidden_states/layer_2"},
      {"\"layer_11\": {\"pos_-1\": [\"-Infinity\", 2]}", "layer_11", step + "/hidden_states"}};
  const std::string text =
      absl::StrReplaceAll(kExperiment, {{"\"fixed_params\": {}", "\"fixed_params\": {\"a\": 1}"}});
  for (const auto& [before, key, path] : cases) {
    std::string twice = text;
    const size_t place = twice.find(before) + before.size();
    ASSERT_LT(place, twice.size()) << before;
    const std::string again = absl::StrCat(", \"", key, "\"");
    twice.insert(place, again + ": 1");
    EXPECT_THAT(ErrorOf(WriteText("twice.json", twice)),
                HasSubstr(absl::StrCat("byte ", place + again.size(), ": at ", path, "/", key,
                                       ": key \"", key, "\" twice")));
  }
}

TEST_F(InspectTest, NumbersThatNoFloat64HoldsAreNamed) {
  constexpr char kTooBig[] = "Number too big to be stored in double";
  const std::pair<std::string, std::string> cases[] = {
      {"[1e99999, NaN]", kTooBig},
      {"[10e308, NaN]", kTooBig},
      {absl::StrCat("[1", std::string(309, '0'), "]"), kTooBig},
      {"[Inf]", "expected a number, NaN, Infinity or -Infinity"},
      {"[-NaN]", "expected a number, NaN, Infinity or -Infinity"}};
  for (const auto& [vector, error] : cases) {
    const std::string text = absl::StrReplaceAll(kExperiment, {{"[1, NaN]", vector}});
    const std::string place =
        absl::StrCat("byte ", text.find(vector) + 1,
                     ": at /runs/0/decode_steps/0/hidden_states/layer_2/", "pos_-1: ", error);
    EXPECT_THAT(ErrorOf(WriteText("numbers.json", text)), HasSubstr(place));
  }
  const std::string sound = absl::StrReplaceAll(
      kExperiment, {{"[1, NaN]", "[1e308, 0.0000000000000000001e-2147483639, -1e-999]"}});
  EXPECT_THAT(TextOf(WriteText("numbers.json", sound)), HasSubstr("sound"));
}

TEST_F(InspectTest, DamagedExperimentNamesByteAndPlace) {
  const std::string text = kExperiment;
  const size_t cut = text.find("NaN");
  EXPECT_THAT(ErrorOf(WriteText("cut.json", text.substr(0, cut))),
              AllOf(HasSubstr(absl::StrCat("cut.json: byte ", cut)),
                    HasSubstr("at /runs/0/decode_steps/0/hidden_states/layer_2/pos_-1")));
  EXPECT_THAT(ErrorOf(WriteText("word.json", absl::StrReplaceAll(text, {{"NaN", "\"nan\""}}))),
              HasSubstr("expected a number, null"));
  EXPECT_THAT(ErrorOf(WriteText("empty.json", "{}")), HasSubstr("missing: experiment_metadata"));
  EXPECT_THAT(ErrorOf(WriteText("deep.json", "{\"a\":" + std::string(1000000, '['))),
              HasSubstr("nested too deeply"));
}

TEST_F(InspectTest, DamagedShardSaysHow) {
  const std::string shard = WriteRun() + "/rep_2.rank_0_of_1.shard";
  const std::string bytes = *ReadFile(shard);
  ASSERT_TRUE(WriteFileAtomically(shard, bytes.substr(0, bytes.size() - 3)).ok());
  EXPECT_THAT(ErrorOf(shard), AllOf(HasSubstr(shard), HasSubstr("cut off")));
}

TEST_F(InspectTest, AnythingElseIsRefused) {
  EXPECT_THAT(ErrorOf(folder_ + "/nothing"), HasSubstr("no such file or directory"));
  EXPECT_THAT(ErrorOf(WriteText("notes.txt", "hello")), HasSubstr("notes.txt: not known"));
  EXPECT_THAT(ErrorOf(WriteText("empty", "")), HasSubstr("not known"));
  EXPECT_THAT(ErrorOf(folder_), AllOf(HasSubstr("holds no run"), HasSubstr("expected a shard")));
}

}  // namespace
}  // namespace forensics::schema
