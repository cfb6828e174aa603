// Reading in pieces gives what reading from front to back gives: the same experiment, bit for bit,
// or the same message.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/experiment_reader.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kInOnePiece = SIZE_MAX;
constexpr const char* kFiles[] = {"attention_experiment",
                                  "batch_size_experiment",
                                  "compile_experiment",
                                  "cuda_version_experiment",
                                  "concurrent_streams_experiment",
                                  "expert_parallel_experiment",
                                  "quantization_experiment",
                                  "reference_baseline",
                                  "tensor_parallel_experiment"};

std::string TextOf(const std::string& name) {
  std::ifstream file(absl::StrCat("analyzer/testing/experiments/", name, ".json"),
                     std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void AppendBits(const std::vector<float>& values, std::string& text) {
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

template <typename Value>
std::string Text(const std::optional<Value>& value) {
  return value.has_value() ? absl::StrCat(*value) : "none";
}

std::string Describe(const RunRecord& run) {
  std::string text = absl::StrCat(run.config_id, " ", run.rep_id, " ", Text(run.runtime_seconds),
                                  " ", Text(run.prompt_text), " ", run.signals_sha256, "\n");
  for (const auto& [number, step] : run.steps) {
    absl::StrAppend(&text, number, " ", Text(step.token_id), Text(step.fed_token_id),
                    Text(step.token_text), "\n");
  }
  for (const auto& [signal, vectors] : run.vectors) {
    for (const auto& [at, vector] : vectors) {
      absl::StrAppend(&text, SignalName(signal), " ", at.step, " ", at.position, " ");
      AppendBits(*vector, text);
    }
  }
  for (const auto* lists : {&run.log_probs, &run.reference_log_probs}) {
    for (const auto& [at, list] : *lists) {
      absl::StrAppend(&text, "log-probs ", at.step, " ", at.position, " ");
      for (const int64_t id : list.token_ids) absl::StrAppend(&text, id, " ");
      AppendBits(list.values, text);
    }
  }
  return text;
}

// All that reading a file gives: the message, or the experiment.
std::string Read(const std::string& path, size_t piece_bytes) {
  const absl::StatusOr<Experiment> experiment = ReadExperiment(path, {piece_bytes});
  if (!experiment.ok()) return absl::StrCat("error: ", experiment.status().message());
  std::string text = absl::StrCat(experiment->type, " ", experiment->configurations.size(), "\n");
  for (const RunRecord& run : experiment->runs) text += Describe(run);
  for (const std::string& finding : experiment->findings) text += finding + "\n";
  return text;
}

std::string Write(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/pieces.json";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

void ExpectTheSameInPieces(const std::string& text, std::initializer_list<size_t> piece_sizes,
                           const std::string& what) {
  const std::string path = Write(text);
  const std::string expected = Read(path, kInOnePiece);
  for (const size_t bytes : piece_sizes) {
    // Not EXPECT_EQ, which would print megabytes.
    EXPECT_TRUE(Read(path, bytes) == expected)
        << what << ", pieces of " << bytes << " bytes; in one: " << expected.substr(0, 300);
  }
}

TEST(ReadingInPieces, GivesTheSameExperiment) {
  for (const char* name : kFiles) {
    const std::string text = TextOf(name);
    ASSERT_GT(text.size(), 100000u) << name;
    EXPECT_NE(Read(Write(text), kInOnePiece).substr(0, 6), "error:") << name;
    ExpectTheSameInPieces(text, {1000, 20000, 60000, text.size() / 2 + 1}, name);
  }
}

TEST(ReadingInPieces, GivesTheSameErrorWhereAFileIsCut) {
  std::mt19937 random(1);
  for (const char* name : kFiles) {
    const std::string text = TextOf(name);
    for (const char kind : std::string("{}[]:,\"0e ")) {
      const size_t place = text.find(kind, random() % text.size());
      if (place == std::string::npos) continue;
      ExpectTheSameInPieces(text.substr(0, place), {50000}, absl::StrCat(name, " cut at ", place));
      ExpectTheSameInPieces(text.substr(0, place + 1), {30000},
                            absl::StrCat(name, " cut behind ", place));
    }
  }
}

TEST(ReadingInPieces, GivesTheSameErrorOrFindingWhereAByteIsWrong) {
  std::mt19937 random(2);
  for (const char* name : kFiles) {
    const std::string text = TextOf(name);
    for (const char wrong : std::string("{}[]:,\"x9 \xff")) {
      std::string damaged = text;
      const size_t place = random() % text.size();
      damaged[place] = wrong;
      ExpectTheSameInPieces(
          damaged, {40000},
          absl::StrCat(name, " byte ", place, " is '", std::string(1, wrong), "'"));
    }
  }
}

TEST(ReadingInPieces, TakesNoTextForARunThatOnlyLooksLikeOne) {
  std::string text =
      R"({"experiment_metadata":{"experiment_type":"batch_size"},"configurations":[],)"
      R"("runs":[)";
  for (int run = 0; run < 40; ++run) {
    absl::StrAppend(&text, run > 0 ? "," : "", R"({"config_id":"c)", run,
                    R"(","prompt_text":"a,{\"config_id\":","other":[1,{"config_id":"inner"},)",
                    R"({"config_id":"again"}],"rep_id":)", run, "}");
  }
  ExpectTheSameInPieces(text + "]}", {1, 7, 50, 100, 333, 1000}, "runs within runs");
  ExpectTheSameInPieces(text + "]} x", {100}, "more behind the end");
  ExpectTheSameInPieces(text + ",]}", {100}, "a comma too many");
  ExpectTheSameInPieces(text + R"(],"runs":[]})", {100}, "a key that comes twice");
}

TEST(ReadingInPieces, NamesTheFirstBreachOfTheSchemaByItsPlaceInTheFile) {
  const std::string text = TextOf("batch_size_experiment");
  const size_t last = text.rfind("\"rep_id\"");
  std::string damaged = text;
  damaged.replace(last, 8, "\"rep_xx\"");
  const std::string read = Read(Write(damaged), 20000);
  EXPECT_NE(read.find("not as experiment_schema.json says: at /runs/"), std::string::npos);
  ExpectTheSameInPieces(damaged, {20000, 70000}, "no rep_id");
}

}  // namespace
}  // namespace forensics::analyzer
