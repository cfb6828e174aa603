// All nine experiments, of one process and of many.
#include <gmock/gmock.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <map>

#include "collector/fuse.h"
#include "collector/testing/results.h"
#include "schema/run_directory.h"

namespace forensics::collector {
namespace {

namespace fs = std::filesystem;
using schema::Repetition;
using schema::RunDirectory;
using schema::RunManifest;
using schema::SyntheticExperiment;
using schema::SyntheticRun;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kNow[] = "2025-06-07 08:09:10";

class AllExperimentsTest : public ResultsTest {
 protected:
  FuseReport FuseAll() {
    auto report = Fuse({{{results_}, {}, false}, output_, kNow}, nullptr);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *std::move(report) : FuseReport{};
  }

  rapidjson::Document File(const std::string& name) { return Parse(output_ + "/" + name); }

  const std::string output_ = folder_ + "/experiments";
};

std::string Text(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return buffer.GetString();
}

// "A100_bs1=1" for each configuration.
std::vector<std::string> Ids(const rapidjson::Value& file) {
  std::vector<std::string> ids;
  for (const rapidjson::Value& configuration : file["configurations"].GetArray()) {
    ids.push_back(absl::StrCat(configuration["config_id"].GetString(), "=",
                               Text(configuration["variable_value"])));
  }
  return ids;
}

// The stored repetition's entry.
const rapidjson::Value& StoredRun(const rapidjson::Value& file, const std::string& config_id) {
  for (const rapidjson::Value& run : file["runs"].GetArray()) {
    if (run["config_id"].GetString() == config_id && run.HasMember("decode_steps")) return run;
  }
  ADD_FAILURE() << "no stored run of " << config_id;
  return file;
}

const rapidjson::Value& ConfigurationOf(const rapidjson::Value& file,
                                        const std::string& config_id) {
  for (const rapidjson::Value& configuration : file["configurations"].GetArray()) {
    if (configuration["config_id"].GetString() == config_id) return configuration;
  }
  ADD_FAILURE() << "no configuration " << config_id;
  return file;
}

TEST_F(AllExperimentsTest, HaveThePlansNamesAndEachHoldsTheReferencesData) {
  const RunManifest reference = Write({});
  for (const std::string& name : schema::SyntheticExperimentNames()) {
    WriteVariants(name, reference);
  }
  const FuseReport report = FuseAll();
  EXPECT_THAT(report.problems, IsEmpty());
  std::vector<std::string> names;
  for (const WrittenFile& file : report.files) names.push_back(fs::path(file.path).filename());
  std::vector<std::string> expected = {schema::kReferenceBaselineFile};
  expected.insert(expected.end(), schema::ExperimentFiles().begin(),
                  schema::ExperimentFiles().end());
  EXPECT_EQ(names, expected);

  const std::map<std::string, std::vector<std::string>> ids = {
      {"batch_size", {"A100_bs1=1", "A100_bs2=2", "A100_bs4=4"}},
      {"compile", {"A100_uncompiled=false", "A100_compiled=true"}},
      {"quantization", {"A100_awq=\"awq\"", "A100_gptq=\"gptq\"", "A100_bnb=\"bnb\""}},
      {"attention", {"A100_fa2=\"flash_attention_2\"", "A100_eager=\"eager\""}},
      {"concurrent_streams", {"A100_single_stream=false", "A100_concurrent=true"}},
      {"cuda_version", {"A100_cu128=\"default\"", "A100_cu118=\"11.8\"", "A100_cu121=\"12.1\""}},
      {"tensor_parallel", {"A100_tp1=1", "A100_tp2=2", "A100_tp4=4"}},
      {"expert_parallel", {"A100_ep1=1", "A100_ep2=2", "A100_ep4=4"}}};
  const rapidjson::Document baseline = File(schema::kReferenceBaselineFile);
  const std::string steps = Text(StoredRun(baseline, "A100_reference")["decode_steps"]);
  for (const auto& [name, of_name] : ids) {
    const rapidjson::Document file = File(name + "_experiment.json");
    EXPECT_STREQ(file["experiment_metadata"]["experiment_type"].GetString(), name.c_str());
    EXPECT_EQ(Ids(file), of_name) << name;
    EXPECT_EQ(file["runs"].Size(), 3 * of_name.size()) << name;
    const std::string first = of_name.front().substr(0, of_name.front().find('='));
    EXPECT_EQ(Text(StoredRun(file, first)["decode_steps"]), steps) << name;
  }
}

TEST_F(AllExperimentsTest, ManyRanksGiveTheFileOfASingleProcessWithTheSameBits) {
  const RunManifest reference = Write({});
  for (const char* name : {"batch_size", "tensor_parallel", "expert_parallel"}) {
    WriteVariants(name, reference);  // the same seeds
  }
  EXPECT_THAT(FuseAll().problems, IsEmpty());
  const rapidjson::Document batches = File("batch_size_experiment.json");
  for (const std::string size : {"2", "4"}) {
    const rapidjson::Value& single = StoredRun(batches, "A100_bs" + size);
    for (const std::string axis : {"tensor", "expert"}) {
      const rapidjson::Document file = File(axis + "_parallel_experiment.json");
      const std::string id = absl::StrCat("A100_", axis.substr(0, 1), "p", size);
      const rapidjson::Value& joined = StoredRun(file, id);
      EXPECT_EQ(Text(joined["decode_steps"]), Text(single["decode_steps"])) << id;
      EXPECT_EQ(joined["signals_sha256"], single["signals_sha256"]) << id;
      EXPECT_EQ(absl::StrCat(ConfigurationOf(file, id)["world_size"].GetInt()), size);
    }
  }
  EXPECT_EQ(ConfigurationOf(batches, "A100_bs2")["world_size"].GetInt(), 1);
}

TEST_F(AllExperimentsTest, KernelsOverlapAndVersionsStandBesideTheSettings) {
  const RunManifest reference = Write({});
  SyntheticRun run;
  run.reference = &reference;
  run.edit_manifest = [](RunManifest& manifest) {
    schema::KernelUse& use = *manifest.add_kernels();
    use.set_phase("decode");
    use.set_kernel("linear/own_16_lanes");
    use.set_operands("in=256, out=512");
    use.set_calls(7);
    use.set_min_rows(1);
    use.set_max_rows(2);
    manifest.add_other_shapes("decode linear/own_16_lanes (in=256, out=512): 1 row, here 2");
    manifest.mutable_versions()->set_torch("2.5.1");
  };
  for (const char* name : {"concurrent_streams", "cuda_version"}) {
    run.experiment = SyntheticExperiment(name);
    Write(run);
  }
  FuseAll();
  const rapidjson::Document cuda = File("cuda_version_experiment.json");
  EXPECT_STREQ(ConfigurationOf(cuda, "A100_cu118")["torch_version"].GetString(), "2.5.1");
  EXPECT_STREQ(ConfigurationOf(cuda, "A100_cu128")["torch_version"].GetString(), "2.11.0");
  EXPECT_FALSE(ConfigurationOf(cuda, "A100_cu118").HasMember("overlap"));
  EXPECT_EQ(Text(ConfigurationOf(cuda, "A100_cu118")["kernels"]),
            R"([{"phase":"decode","kernel":"linear/own_16_lanes","operands":"in=256, out=512",)"
            R"("calls":7,"min_rows":1,"max_rows":2}])");
  EXPECT_EQ(Text(ConfigurationOf(cuda, "A100_cu118")["other_shapes"]),
            R"(["decode linear/own_16_lanes (in=256, out=512): 1 row, here 2"])");

  const rapidjson::Document streams = File("concurrent_streams_experiment.json");
  EXPECT_FALSE(ConfigurationOf(streams, "A100_single_stream").HasMember("overlap"));
  EXPECT_EQ(
      Text(ConfigurationOf(streams, "A100_concurrent")["overlap"]),
      R"({"kernel":"matrix product 512 x 512 x 512, float32","workers":2,"target_utilisation":0.5,)"
      R"("utilisation":0.4375,"overlap_share":0.5,"repetitions":[)"
      R"({"rep_id":0,"utilisation":0.4375,"inference_seconds":10,"overlap_seconds":5,)"
      R"("overlap_share":0.5,"products":1000},)"
      R"({"rep_id":1,"utilisation":0.4375,"inference_seconds":11,"overlap_seconds":5.5,)"
      R"("overlap_share":0.5,"products":1000},)"
      R"({"rep_id":2,"utilisation":0.4375,"inference_seconds":12,"overlap_seconds":6,)"
      R"("overlap_share":0.5,"products":1000,"intervals":[[0.0,3],[6,9]]}]})");
}

TEST_F(AllExperimentsTest, WhoseTokensWereFedIsRecordedBesideTheBaseline) {
  // A second pod of the same hardware label took the first one's reference.
  const RunManifest first = Write({});
  WriteVariants("expert_parallel", first);
  FuseAll();
  const rapidjson::Document file = File("expert_parallel_experiment.json");
  const rapidjson::Value& settings = ConfigurationOf(file, "A100_ep2")["settings"];
  EXPECT_STREQ(settings["reference_config_id"].GetString(), "A100_reference");
  EXPECT_STREQ(settings["reference_hardware"].GetString(), "A100-80GB");
  EXPECT_EQ(settings["reference_signals_sha256"], StoredRun(file, "A100_ep1")["signals_sha256"]);
}

// Something wrong with one rank of A100_tp4: it is left out, and all else is fused.
struct Fault {
  const char* name;
  std::function<void(const RunDirectory& run)> make;
  std::function<void(Repetition& shard)> edit_shard;
  const char* problem;
};

class RankFault : public AllExperimentsTest, public testing::WithParamInterface<Fault> {};

TEST_P(RankFault, IsNamedAndTheOthersAreFused) {
  const RunManifest reference = Write({});
  WriteVariants("batch_size", reference);
  WriteVariants("tensor_parallel", reference);
  SyntheticRun run;
  run.experiment = SyntheticExperiment("tensor_parallel");
  run.variant = 1;
  run.reference = &reference;
  run.edit_shard = GetParam().edit_shard;
  const auto directory = schema::WriteSyntheticRun(run, results_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  if (GetParam().make) GetParam().make(*directory);
  const FuseReport report = FuseAll();
  EXPECT_EQ(report.files.size(), 3u);
  EXPECT_THAT(report.problems,
              ElementsAre(AllOf(HasSubstr(directory->path()), HasSubstr(GetParam().problem),
                                HasSubstr("left out; run A100_tp4 again")),
                          HasSubstr("no finished run of tp_size = 4 on A100-80GB")));
  EXPECT_THAT(Ids(File("tensor_parallel_experiment.json")),
              ElementsAre("A100_tp1=1", "A100_tp2=2"));
}

TEST_F(AllExperimentsTest, NamesWhatWasNeverAskedForWithoutAProblem) {
  const RunManifest reference = Write({});
  SyntheticRun run;
  run.experiment = SyntheticExperiment("tensor_parallel");
  run.variant = 0;
  run.reference = &reference;
  ASSERT_TRUE(schema::WriteSyntheticRun(run, results_).ok());
  const auto strict = Fuse({{{results_}, {}, false}, output_, kNow}, nullptr);
  ASSERT_TRUE(strict.ok()) << strict.status();
  EXPECT_THAT(strict->problems, Not(IsEmpty()));
  const auto lenient =
      Fuse({{{results_}, {}, false}, output_, kNow, /*allow_missing=*/true}, nullptr);
  ASSERT_TRUE(lenient.ok()) << lenient.status();
  EXPECT_THAT(lenient->problems, IsEmpty());
  EXPECT_THAT(lenient->notes, Contains(HasSubstr("no finished run of tp_size = 4")));
}

const Fault kFaults[] = {
    {"Killed", [](const RunDirectory& run) { fs::remove(run.ShardPath(2, 3, 4)); }, nullptr,
     "rep_2.rank_3_of_4.shard: no such file"},
    {"TwoWorldSizes",
     [](const RunDirectory& run) { fs::copy(run.ShardPath(2, 0, 4), run.ShardPath(2, 0, 2)); },
     nullptr, "rep_2.rank_0_of_2.shard: surplus: this run has 4 ranks"},
    {"Stale", nullptr,
     [](Repetition& shard) {
       if (shard.header.rank() == 2) shard.header.set_work_digest("old");
     },
     "rep_2.rank_2_of_4.shard: work_digest is old"},
    {"ReplicasDisagree", nullptr,
     [](Repetition& shard) {
       if (shard.header.rank() == 3) shard.steps[1].set_token_id(-7);
     },
     "rep_2.rank_*_of_4.shard: step 1: token_id is -7 on rank 3"},
};

INSTANTIATE_TEST_SUITE_P(AllExperiments, RankFault, testing::ValuesIn(kFaults),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::collector
