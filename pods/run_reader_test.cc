#include "pods/run_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "schema/testing/synthetic_run.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

class RunReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(results_);
    schema::SyntheticRun run;
    run.experiment = schema::SyntheticExperiment("reference");
    ASSERT_TRUE(schema::WriteSyntheticRun(run, results_).ok());
    const auto found = schema::FindRuns(results_);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->runs.size(), 1u);
    run_ = found->runs.front();
  }

  // Of the repetition that is stored, the last.
  std::string Shard() const { return run_.ShardPath(2, 0, 1); }

  // Writes over a byte of the file; its time of change becomes what it was, but for so much.
  static void Damage(const std::string& path, fs::file_time_type::duration later) {
    const auto time = fs::last_write_time(path);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(200) << '\xFF';
    fs::last_write_time(path, time + later);
  }

  const std::string results_ = testing::TempDir() + "/results";
  schema::RunDirectory run_{""};
  RunReader reader_;
};

constexpr fs::file_time_type::duration kNone{0}, kNanosecond = std::chrono::nanoseconds(1);

TEST_F(RunReaderTest, ShardsAreReadAgainOnlyIfOneChanged) {
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
  const std::string shard = Shard();
  Damage(shard, kNone);
  // What is remembered is taken; another reader, as of the next start, sees it.
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
  EXPECT_TRUE(absl::IsDataLoss(RunReader().Check(run_))) << RunReader().Check(run_);
  Damage(shard, kNanosecond);
  EXPECT_THAT(std::string(reader_.Check(run_).message()), testing::HasSubstr(shard));
}

TEST_F(RunReaderTest, AFileThatIsGoneIsMissed) {
  ASSERT_TRUE(reader_.Check(run_).ok());
  fs::remove(Shard());
  EXPECT_TRUE(absl::IsNotFound(reader_.Check(run_)));
}

TEST_F(RunReaderTest, WhatWasDamagedAndIsWholeAgainIsWhole) {
  const std::string shard = Shard(), kept = results_ + "/kept";
  fs::copy_file(shard, kept);
  Damage(shard, kNone);
  EXPECT_TRUE(absl::IsDataLoss(reader_.Check(run_)));
  fs::rename(kept, shard);
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
}

TEST_F(RunReaderTest, AManifestIsReadAgainOnlyIfItChanged) {
  const std::string path = run_.ManifestPath();
  ASSERT_TRUE(reader_.Manifest(run_).ok());
  Damage(path, kNone);
  EXPECT_TRUE(reader_.Manifest(run_).ok());
  Damage(path, kNanosecond);
  EXPECT_TRUE(absl::IsDataLoss(reader_.Manifest(run_).status()));
  fs::remove(path);
  EXPECT_TRUE(absl::IsNotFound(reader_.Manifest(run_).status()));
}

}  // namespace
}  // namespace forensics::pods
