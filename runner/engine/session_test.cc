// Orchestration with a repetition that costs nothing: what is run, kept, redone, refused.
#include "runner/engine/session.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

schema::Repetition Signals(char byte) {
  schema::Repetition repetition;
  schema::StepRecord& step = repetition.steps.emplace_back();
  step.set_token_id(4);
  step.set_fed_token_id(4);
  schema::PositionRecord& position = repetition.positions.emplace_back();
  schema::LayerSignals& layer = *position.add_layers();
  *layer.mutable_hidden_state() = schema::MakeValues(schema::FLOAT32, {byte, 0, 0, 0});
  *layer.mutable_key() = schema::MakeValues(schema::FLOAT32, {0, 0, 0, 0});
  *position.mutable_top_log_probs()->mutable_log_probs() = schema::MakeValues(schema::FLOAT32, "");
  repetition.footer.set_runtime_seconds(2);
  repetition.footer.set_signals_sha256(schema::SignalsDigest(repetition));
  return repetition;
}

class SessionTest : public testing::Test {
 protected:
  SessionTest()
      : directory_(absl::StrCat(testing::TempDir(), "/",
                                testing::UnitTest::GetInstance()->current_test_info()->name())),
        progress_(notes_, false, [] { return 0.0; }) {
    fs::remove_all(directory_.path());
    identity_.set_schema_version(schema::kSchemaVersion);
    identity_.set_config_id("A100_reference");
    identity_.mutable_config()->set_dtype("float32");
    identity_.set_decode_steps(1);
    identity_.mutable_versions()->set_runner("build 1");
  }

  absl::StatusOr<schema::RunManifest> Run() {
    ran_.clear();
    return RunSession(
        directory_, identity_, options_,
        [this](int repetition) -> absl::StatusOr<schema::Repetition> {
          if (repetition == fails_at_) return absl::CancelledError("interrupted");
          ran_.push_back(repetition);
          schema::Repetition result = Signals(repetition == differs_at_ ? 1 : 0);
          if (decorate_) decorate_(result.footer);
          return result;
        },
        alone_, progress_);
  }

  std::vector<std::string> Shards() const {
    std::vector<std::string> names;
    for (int i = 0; i < 4; ++i) {
      if (fs::exists(directory_.ShardPath(i, 0, 1))) names.push_back(absl::StrCat(i));
    }
    return names;
  }

  schema::RunDirectory directory_;
  std::ostringstream notes_;
  Progress progress_;
  SingleProcess alone_;
  schema::RunManifest identity_;
  SessionOptions options_;
  std::vector<int> ran_;
  int fails_at_ = -1;
  int differs_at_ = -1;
  std::function<void(schema::ShardFooter&)> decorate_;
};

TEST_F(SessionTest, IdenticalRepetitionsKeepTheLast) {
  const auto manifest = Run();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(manifest->reproducible());
  EXPECT_FALSE(manifest->has_first_difference());
  ASSERT_EQ(manifest->repetitions_size(), 3);
  EXPECT_FALSE(manifest->repetitions(0).stored());
  EXPECT_TRUE(manifest->repetitions(2).stored());
  EXPECT_EQ(manifest->repetitions(0).signals_sha256(), manifest->repetitions(2).signals_sha256());
  EXPECT_EQ(manifest->repetitions(1).runtime_seconds(), 2);
  EXPECT_EQ(manifest->decoding().first_departure(), -1);
  EXPECT_THAT(Shards(), ElementsAre("2"));
  const auto read = directory_.ReadManifest();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), manifest->SerializeAsString());
  EXPECT_TRUE(ReadSignals(directory_, *read).ok());
}

TEST_F(SessionTest, KernelsLoadAndMachineComeFromTheShards) {
  decorate_ = [](schema::ShardFooter& footer) {
    schema::KernelUse& use = *footer.add_kernels();
    use.set_phase("decode");
    use.set_kernel("linear");
    use.set_min_rows(2);
    use.set_max_rows(2);
    footer.mutable_background_load()->set_workers(7);
    footer.mutable_background_load()->add_intervals()->set_end(1);
    (*footer.mutable_machine_facts())["gpu.sm_clock_mhz"] = "1755";
  };
  fails_at_ = 2;  // the first two are resumed from their shards
  ASSERT_FALSE(Run().ok());
  fails_at_ = -1;
  const std::string digest = WorkDigest(identity_);
  options_.reference_kernels.emplace();
  const auto manifest = Run();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->kernels_size(), 1);
  EXPECT_EQ(manifest->kernels(0).max_rows(), 2);
  EXPECT_THAT(manifest->other_shapes(), ElementsAre("decode linear (): none, here 2 rows"));
  for (const schema::RepetitionSummary& repetition : manifest->repetitions()) {
    EXPECT_EQ(repetition.background_load().workers(), 7);
    EXPECT_EQ(repetition.background_load().intervals_size(), 0);
    EXPECT_EQ(repetition.machine_facts().at("gpu.sm_clock_mhz"), "1755");
  }
  EXPECT_EQ(manifest->work_digest(), digest);
  EXPECT_EQ(WorkDigest(*manifest), digest);
}

TEST_F(SessionTest, DifferingRepetitionsAreAllKept) {
  differs_at_ = 1;
  const auto manifest = Run();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_FALSE(manifest->reproducible());
  EXPECT_EQ(manifest->first_difference().repetition_b(), 1);
  EXPECT_EQ(manifest->first_difference().signal(), "hidden_states");
  EXPECT_THAT(Shards(), ElementsAre("0", "1", "2"));
  // A rerun finds the verdict, it does not run again.
  const auto again = Run();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(again->reproducible());
  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(SessionTest, FinishedWorkIsNotRedoneUnlessAsked) {
  ASSERT_TRUE(Run().ok());
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, IsEmpty());
  options_.overwrite = true;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
}

TEST_F(SessionTest, OtherWorkIsRefusedByName) {
  ASSERT_TRUE(Run().ok());
  identity_.mutable_config()->set_dtype("bfloat16");
  const auto refused = Run();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("config.dtype: \"float32\" -> \"bfloat16\""));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--overwrite"));
  options_.overwrite = true;
  EXPECT_TRUE(Run().ok());
}

TEST_F(SessionTest, AnotherBuildIsNotedOnceFinishedAndStartsAnewBefore) {
  ASSERT_TRUE(Run().ok());
  identity_.mutable_versions()->set_runner("build 2");
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, IsEmpty());
  EXPECT_THAT(notes_.str(), HasSubstr("another build of this runner (build 1)"));

  options_.overwrite = true;
  fails_at_ = 2;
  EXPECT_FALSE(Run().ok());
  options_.overwrite = false;
  identity_.mutable_versions()->set_runner("build 3");
  fails_at_ = -1;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
}

TEST_F(SessionTest, MoreRepetitionsThanThereAreIsRefused) {
  options_.repetitions = 1;
  ASSERT_TRUE(Run().ok());
  options_.repetitions = 3;
  EXPECT_THAT(std::string(Run().status().message()), HasSubstr("1 repetitions, expected 3"));
}

TEST_F(SessionTest, UnfinishedWorkIsContinued) {
  fails_at_ = 2;
  const auto failed = Run();
  EXPECT_EQ(failed.status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(std::string(failed.status().message()),
              HasSubstr("A100_reference, repetition 3: interrupted"));
  EXPECT_FALSE(directory_.IsFinished());
  EXPECT_THAT(Shards(), ElementsAre("0", "1"));
  fails_at_ = -1;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(2));
}

TEST_F(SessionTest, UnfinishedWorkIsNotContinuedWhenNotWanted) {
  fails_at_ = 1;
  EXPECT_FALSE(Run().ok());
  fails_at_ = -1;
  options_.resume = false;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
}

TEST_F(SessionTest, UnfinishedOtherWorkIsReplaced) {
  fails_at_ = 1;
  EXPECT_FALSE(Run().ok());
  fails_at_ = -1;
  identity_.mutable_config()->set_dtype("bfloat16");
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2));
  EXPECT_THAT(notes_.str(), HasSubstr("work_digest is "));
}

TEST_F(SessionTest, ADamagedShardIsRunAgain) {
  fails_at_ = 2;
  EXPECT_FALSE(Run().ok());
  const std::string path = directory_.ShardPath(0, 0, 1);
  const std::string bytes = schema::ReadFile(path).value();
  std::ofstream(path) << bytes.substr(0, bytes.size() - 3);
  fails_at_ = -1;
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(ran_, ElementsAre(0, 2));
  EXPECT_THAT(notes_.str(), HasSubstr("cut off"));
}

TEST_F(SessionTest, AnotherRepetitionsShardIsNotContinued) {
  differs_at_ = 0;
  ASSERT_TRUE(Run().ok());
  fs::remove(directory_.ManifestPath());
  for (const int i : {1, 2}) {
    fs::copy_file(directory_.ShardPath(0, 0, 1), directory_.ShardPath(i, 0, 1),
                  fs::copy_options::overwrite_existing);
  }
  const auto manifest = Run();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_FALSE(manifest->reproducible());
  EXPECT_THAT(ran_, ElementsAre(1, 2));
}

TEST_F(SessionTest, AFinishedRunWithoutASoundShardIsAnErrorThatNamesTheWayOut) {
  ASSERT_TRUE(Run().ok());
  const std::string path = directory_.ShardPath(2, 0, 1);
  const std::string bytes = schema::ReadFile(path).value();
  std::ofstream(path) << bytes.substr(0, bytes.size() / 2);
  EXPECT_THAT(std::string(Run().status().message()),
              testing::AllOf(HasSubstr("cut off"), HasSubstr("--overwrite")));
  fs::remove(path);
  EXPECT_THAT(std::string(Run().status().message()), HasSubstr(path));
  options_.overwrite = true;
  EXPECT_TRUE(Run().ok());
}

TEST_F(SessionTest, ADamagedManifestIsAnError) {
  ASSERT_TRUE(Run().ok());
  std::ofstream(directory_.ManifestPath(), std::ios::app) << "x";
  EXPECT_EQ(Run().status().code(), absl::StatusCode::kDataLoss);
}

// kill -9 in the middle of any repetition: finished ones stay, and the next run goes on.
TEST_F(SessionTest, SurvivesKill) {
  for (int killed_at = 0; killed_at < 3; ++killed_at) {
    fs::remove_all(directory_.path());
    const pid_t child = fork();
    if (child == 0) {
      (void)RunSession(
          directory_, identity_, options_,
          [&](int repetition) -> absl::StatusOr<schema::Repetition> {
            if (repetition == killed_at) raise(SIGKILL);
            return Signals(0);
          },
          alone_, progress_);
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(directory_.IsFinished());
    const auto manifest = Run();
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_EQ(ran_.size(), 3u - killed_at);
    EXPECT_THAT(Shards(), ElementsAre("2"));
  }
}

TEST_F(SessionTest, ASecondSessionInTheSameDirectoryIsRefused) {
  const auto outer = RunSession(
      directory_, identity_, options_,
      [&](int) -> absl::StatusOr<schema::Repetition> {
        return Run().status();  // a session within the session
      },
      alone_, progress_);
  EXPECT_EQ(outer.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(outer.status().message()), HasSubstr("another process"));
}

TEST_F(SessionTest, TheStoredShardMustBeTheManifestsOwn) {
  auto manifest = Run();
  ASSERT_TRUE(manifest.ok());
  manifest->mutable_repetitions(2)->set_signals_sha256("other");
  EXPECT_EQ(ReadSignals(directory_, *manifest).status().code(), absl::StatusCode::kDataLoss);
  manifest->mutable_repetitions(2)->set_stored(false);
  EXPECT_EQ(ReadSignals(directory_, *manifest).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SessionTest, WorkDigestSeesSettingsButNoVerdict) {
  schema::RunManifest same = identity_, other = identity_;
  same.set_created("now");
  same.set_provider("RunPod");
  same.set_reproducible(true);
  (*same.mutable_machine_facts())["gpu.uuid"] = "GPU-1";
  same.add_repetitions();
  same.mutable_experiment()->set_repetitions(7);
  EXPECT_EQ(WorkDigest(same), WorkDigest(identity_));
  (*other.mutable_settings())["threads"] = "2";
  EXPECT_NE(WorkDigest(other), WorkDigest(identity_));
}

}  // namespace
}  // namespace forensics::runner
