#include "pods/run_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "schema/testing/synthetic_run.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr useconds_t kClockTick = 20000;  // of the system, by which it dates changes; at most

// Whether a file was opened since this was last asked.
class Openings {
 public:
  explicit Openings(const std::string& path) : events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    EXPECT_GE(inotify_add_watch(events_, path.c_str(), IN_OPEN), 0) << path;
  }
  ~Openings() { close(events_); }
  bool Any() {
    char events[4096];
    return read(events_, events, sizeof events) > 0;
  }

 private:
  const int events_;
};

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

  // Writes over a byte of the file, and sets its time back to what it was.
  static void Damage(const std::string& path) {
    const auto time = fs::last_write_time(path);
    usleep(kClockTick);
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(200) << '\xFF';
    fs::last_write_time(path, time);
  }

  const std::string results_ = testing::TempDir() + "/results";
  schema::RunDirectory run_{""};
  RunReader reader_;
};

TEST_F(RunReaderTest, ShardsAreReadAgainOnlyIfOneChanged) {
  const std::string shard = Shard();
  Openings openings(shard);
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
  EXPECT_TRUE(openings.Any());
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
  EXPECT_FALSE(openings.Any());
  Damage(shard);
  EXPECT_THAT(std::string(reader_.Check(run_).message()), testing::HasSubstr(shard));
}

TEST_F(RunReaderTest, AFileThatIsGoneIsMissed) {
  ASSERT_TRUE(reader_.Check(run_).ok());
  fs::remove(Shard());
  EXPECT_TRUE(absl::IsNotFound(reader_.Check(run_)));
}

TEST_F(RunReaderTest, AFileOfWhichTheSystemDoesNotSayIsNotCalledMissing) {
  for (const std::string& path : {Shard(), run_.ManifestPath()}) {
    fs::remove(path);
    fs::create_symlink(path, path);
    EXPECT_TRUE(absl::IsUnavailable(reader_.Check(run_))) << reader_.Check(run_);
  }
}

TEST_F(RunReaderTest, WhatWasDamagedAndIsWholeAgainIsWhole) {
  const std::string shard = Shard(), kept = results_ + "/kept";
  fs::copy_file(shard, kept);
  Damage(shard);
  EXPECT_TRUE(absl::IsDataLoss(reader_.Check(run_)));
  fs::rename(kept, shard);
  EXPECT_TRUE(reader_.Check(run_).ok()) << reader_.Check(run_);
}

TEST_F(RunReaderTest, AManifestIsReadAgainOnlyIfItChanged) {
  const std::string path = run_.ManifestPath();
  Openings openings(path);
  ASSERT_TRUE(reader_.Manifest(run_).ok());
  EXPECT_TRUE(openings.Any());
  EXPECT_TRUE(reader_.Manifest(run_).ok());
  EXPECT_FALSE(openings.Any());
  Damage(path);
  EXPECT_TRUE(absl::IsDataLoss(reader_.Manifest(run_).status()));
  fs::remove(path);
  EXPECT_TRUE(absl::IsNotFound(reader_.Manifest(run_).status()));
}

}  // namespace
}  // namespace forensics::pods
