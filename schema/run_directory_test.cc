#include "schema/run_directory.h"

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class RunDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    results_ = absl::StrCat(testing::TempDir(), "/",
                            testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(results_);
    manifest_.set_schema_version(kSchemaVersion);
    manifest_.set_config_id("A100_reference");
    manifest_.mutable_prompt()->set_text("Größe 中 \"x\"\n");
    (*manifest_.mutable_settings())["threads"] = "2";
  }

  std::string results_;
  RunManifest manifest_;
};

TEST_F(RunDirectoryTest, NamesAreSafe) {
  const RunDirectory run("r", "Intel(R) Xeon/x", "A_b");
  EXPECT_EQ(run.path(), absl::StrCat("r/Intel_R__Xeon_x-", LabelDigest("Intel(R) Xeon/x"), "/A_b"));
  EXPECT_EQ(RunDirectory("r", "Intel Xeon-x", "A_b").path(), "r/Intel_Xeon-x/A_b");
  EXPECT_EQ(run.ShardPath(2, 0, 4), run.path() + "/rep_2.rank_0_of_4.shard");
  EXPECT_EQ(PathPart(".."), "_..");
  EXPECT_EQ(PathPart(""), "_");
}

TEST_F(RunDirectoryTest, LabelsThatDifferKeepFoldersOfTheirOwn) {
  const std::vector<std::string> labels = {"CPU x", "CPU/x", "CPU(x", "Ä",  "Ö",
                                           "",      "_",     "..",    "_.."};
  std::set<std::string> folders;
  for (const std::string& label : labels) folders.insert(FolderName(label));
  EXPECT_EQ(folders.size(), labels.size());
}

TEST_F(RunDirectoryTest, FindsRunsThroughLinksAndNamesWhatCannotBeRead) {
  const RunDirectory run(results_ + "/pod", "A100", "a");
  ASSERT_TRUE(run.WriteManifest(manifest_).ok());
  fs::create_directories(results_ + "/all");
  fs::create_directory_symlink("../pod", results_ + "/all/a");
  fs::create_symlink("loop", results_ + "/all/loop");
  const auto found = FindRuns(results_ + "/all");
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->runs.size(), 1u);
  EXPECT_EQ(found->runs[0].path(), results_ + "/all/a/A100/a");
  EXPECT_THAT(found->problems, testing::ElementsAre(HasSubstr("/all/loop: ")));
}

TEST_F(RunDirectoryTest, ShortHardware) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"A100-80GB", "A100"},
      {"NVIDIA A100-SXM4-80GB", "A100"},
      {"NVIDIA H100 NVL", "H100"},
      {"NVIDIA GH200 480GB", "GH200"},
      {"H200", "H200"},
      {"AMD EPYC avx512", "AMD_EPYC_avx512"},
      {"emulated:H100", "emulated_H100"}};
  for (const auto& [label, expected] : cases) EXPECT_EQ(ShortHardware(label), expected);
}

TEST_F(RunDirectoryTest, ManifestRoundTripAndFinished) {
  const RunDirectory run(results_, "A100-80GB", "A100_reference");
  EXPECT_FALSE(run.IsFinished());
  ASSERT_TRUE(run.WriteManifest(manifest_).ok());
  EXPECT_TRUE(run.IsFinished());
  const absl::StatusOr<RunManifest> read = run.ReadManifest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), manifest_.SerializeAsString());
}

TEST_F(RunDirectoryTest, DamagedManifestsAreToldApart) {
  const RunDirectory run(results_, "A100", "x");
  ASSERT_TRUE(run.WriteManifest(manifest_).ok());
  const std::string text = ReadFile(run.ManifestPath()).value();

  std::string flipped = text;
  flipped[20] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(run.ManifestPath(), flipped).ok());
  EXPECT_THAT(std::string(run.ReadManifest().status().message()), HasSubstr("damaged"));

  ASSERT_TRUE(WriteFileAtomically(run.ManifestPath(), text.substr(0, 30)).ok());
  EXPECT_THAT(std::string(run.ReadManifest().status().message()), HasSubstr("cut off"));

  manifest_.set_schema_version(kSchemaVersion + 1);
  ASSERT_TRUE(run.WriteManifest(manifest_).ok());
  EXPECT_EQ(run.ReadManifest().status().code(), absl::StatusCode::kUnimplemented);

  const std::string nonsense = "no manifest\n";
  ASSERT_TRUE(WriteFileAtomically(run.ManifestPath(),
                                  absl::StrCat(nonsense, "# sha256 of the lines above: ",
                                               Sha256Hex(nonsense), "\n"))
                  .ok());
  EXPECT_THAT(std::string(run.ReadManifest().status().message()),
              HasSubstr("not a run manifest: line 1:4: "));
}

TEST_F(RunDirectoryTest, FindsFinishedRunsAlone) {
  const RunDirectory b(results_, "H100", "b"), a(results_, "A100", "a"),
      open(results_, "A100", "o");
  ASSERT_TRUE(b.WriteManifest(manifest_).ok());
  ASSERT_TRUE(a.WriteManifest(manifest_).ok());
  ASSERT_TRUE(WriteFileAtomically(open.ShardPath(0, 0, 1), "x").ok());
  const auto runs = FindRuns(results_);
  ASSERT_TRUE(runs.ok());
  ASSERT_EQ(runs->runs.size(), 2u);
  EXPECT_EQ(runs->runs[0].path(), a.path());
  EXPECT_EQ(runs->runs[1].path(), b.path());
  EXPECT_EQ(FindRuns(a.path())->runs.size(), 1u);
  EXPECT_EQ(FindRuns(results_, WhichRuns::kAll)->runs.size(), 3u);
  EXPECT_EQ(FindRuns(results_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RunDirectoryTest, ClearsItsOwnFilesAlone) {
  const RunDirectory run(results_, "A100", "a");
  ASSERT_TRUE(run.WriteManifest(manifest_).ok());
  for (const int repetition : {0, 1, 10}) {
    ASSERT_TRUE(WriteFileAtomically(run.ShardPath(repetition, 0, 1), "x").ok());
  }
  ASSERT_TRUE(WriteFileAtomically(run.path() + "/notes.txt", "mine").ok());
  ASSERT_TRUE(run.RemoveRepetition(1).ok());
  EXPECT_FALSE(fs::exists(run.ShardPath(1, 0, 1)));
  EXPECT_TRUE(fs::exists(run.ShardPath(10, 0, 1)));
  ASSERT_TRUE(run.Clear().ok());
  EXPECT_FALSE(run.IsFinished());
  EXPECT_FALSE(fs::exists(run.ShardPath(10, 0, 1)));
  EXPECT_TRUE(fs::exists(run.path() + "/notes.txt"));
}

TEST_F(RunDirectoryTest, FindsTheShardsOfAllRanksAndNoOthers) {
  const RunDirectory directory(results_, "A100", "A100_tp2");
  for (const int rank : {0, 1}) {
    const absl::Status missing = directory.FindShards(2, 2).status();
    EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(missing.message(), HasSubstr(absl::StrCat("rep_2.rank_", rank, "_of_2.shard")));
    ASSERT_TRUE(WriteFileAtomically(directory.ShardPath(2, rank, 2), "x").ok());
  }
  ASSERT_TRUE(WriteFileAtomically(directory.ShardPath(20, 0, 1), "x").ok());
  EXPECT_THAT(*directory.FindShards(2, 2),
              ElementsAre(directory.ShardPath(2, 0, 2), directory.ShardPath(2, 1, 2)));
  ASSERT_TRUE(WriteFileAtomically(directory.ShardPath(2, 0, 4), "x").ok());
  const absl::Status surplus = directory.FindShards(2, 2).status();
  EXPECT_EQ(surplus.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(surplus.message(),
              HasSubstr("rep_2.rank_0_of_4.shard: surplus: this run has 2 ranks"));
}

TEST_F(RunDirectoryTest, WhatTheSystemDoesNotSayIsNotCalledMissing) {
  const RunDirectory directory(results_, "A100", "A100_reference");
  const std::string shard = directory.ShardPath(0, 0, 1);
  fs::create_directories(directory.path());
  fs::create_symlink(shard, shard);
  EXPECT_EQ(directory.FindShards(0, 1).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(FindRuns(shard).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace forensics::schema
