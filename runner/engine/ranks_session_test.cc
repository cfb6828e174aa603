// Sessions of several ranks: real processes that share a folder.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/engine/session.h"
#include "runner/parallel/testing/forked_ranks.h"

namespace forensics::runner {
namespace {

namespace fs = std::filesystem;

constexpr int kRanks = 3;
constexpr int kKeyBytes = 4;  // one float a rank

// What rank `rank` captures: the hidden state is everyone's, the key its own element, and the only
// log-probability belongs to rank 0.
schema::Repetition Signals(int rank) {
  schema::Repetition repetition;
  schema::SignalPart& part = *repetition.header.mutable_part();
  part.set_key_begin(rank);
  part.set_key_end(rank + 1);
  part.set_vocab_begin(rank * 10);
  part.set_vocab_end(rank * 10 + 10);
  schema::StepRecord& step = repetition.steps.emplace_back();
  step.set_token_id(4);
  step.set_fed_token_id(4);
  schema::PositionRecord& position = repetition.positions.emplace_back();
  schema::LayerSignals& layer = *position.add_layers();
  *layer.mutable_hidden_state() = schema::MakeValues(schema::FLOAT32, std::string(8, 'h'));
  *layer.mutable_key() =
      schema::MakeValues(schema::FLOAT32, std::string(kKeyBytes, static_cast<char>('a' + rank)));
  schema::LogProbs& top = *position.mutable_top_log_probs();
  *top.mutable_log_probs() = schema::MakeValues(schema::FLOAT32, std::string(rank == 0 ? 4 : 0, 0));
  if (rank == 0) {
    top.add_token_ids(4);
    top.add_slots(0);
  }
  repetition.footer.set_signals_sha256(schema::SignalsDigest(repetition));
  return repetition;
}

schema::RunManifest Identity() {
  schema::RunManifest identity;
  identity.set_schema_version(schema::kSchemaVersion);
  identity.set_config_id("A100_tp3");
  identity.set_decode_steps(1);
  identity.mutable_versions()->set_runner("build 1");
  identity.mutable_config()->set_tp_size(kRanks);
  identity.mutable_config()->set_ep_size(1);
  return identity;
}

class RanksSessionTest : public testing::Test {
 protected:
  RanksSessionTest()
      : directory_(absl::StrCat(testing::TempDir(), "/",
                                testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(directory_.path());
    fs::create_directories(directory_.path());
  }

  // The outcome of this rank's part in the session.
  absl::Status TakePart(Communicator& ranks, const RunRepetition& run) const {
    if (ranks.rank() > 0) return FollowSession(directory_, run, ranks);
    std::ostringstream notes;
    Progress progress(notes, false, [] { return 0.0; });
    return RunSession(directory_, Identity(), {}, run, ranks, progress).status();
  }

  schema::RunDirectory directory_;
};

bool Says(const absl::Status& status, absl::string_view text) {
  if (!status.ok() && absl::StrContains(status.message(), text)) return true;
  fprintf(stderr, "expected '%s', found: %s\n", std::string(text).c_str(),
          status.ToString().c_str());
  return false;
}

TEST_F(RanksSessionTest, EveryRankWritesItsShardAndTheFirstJoinsThem) {
  const auto work = [this](Communicator& ranks) {
    const auto run = [&](int) -> absl::StatusOr<schema::Repetition> {
      return Signals(ranks.rank());
    };
    for (const char* time : {"first", "second, which finds it finished"}) {
      const absl::Status status = TakePart(ranks, run);
      if (status.ok()) continue;
      fprintf(stderr, "%s: %s\n", time, status.ToString().c_str());
      return false;
    }
    return true;
  };
  EXPECT_EQ(RunForkedRanks(kRanks, work), std::vector<int>(kRanks, 0));
  const auto manifest = directory_.ReadManifest();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(manifest->reproducible());
  const auto signals = ReadSignals(directory_, *manifest);
  ASSERT_TRUE(signals.ok()) << signals.status();
  EXPECT_EQ(signals->positions[0].layers(0).key().data(), "aaaabbbbcccc");
  for (int rank = 0; rank < kRanks; ++rank) {
    EXPECT_FALSE(fs::exists(directory_.ShardPath(0, rank, kRanks)));
    EXPECT_TRUE(fs::exists(directory_.ShardPath(2, rank, kRanks)));
  }
}

TEST_F(RanksSessionTest, ARankThatCannotWriteIsNamedByAll) {
  const auto work = [this](Communicator& ranks) {
    const auto run = [&](int repetition) -> absl::StatusOr<schema::Repetition> {
      if (ranks.rank() == 1 && repetition == 1) {  // a folder that is not empty is in the way
        fs::create_directories(absl::StrCat(directory_.ShardPath(1, 1, kRanks), "/other"));
      }
      return Signals(ranks.rank());
    };
    return Says(TakePart(ranks, run), "rank 1: ");
  };
  EXPECT_EQ(RunForkedRanks(kRanks, work), std::vector<int>(kRanks, 0));
  EXPECT_FALSE(directory_.IsFinished());
  EXPECT_TRUE(fs::exists(directory_.ShardPath(0, 0, kRanks)));  // what was done stays
}

TEST_F(RanksSessionTest, ReplicasThatDisagreeAreFound) {
  const auto work = [this](Communicator& ranks) {
    const auto run = [&](int repetition) -> absl::StatusOr<schema::Repetition> {
      schema::Repetition signals = Signals(ranks.rank());
      if (ranks.rank() == 2 && repetition == 1) {
        *signals.positions[0].mutable_layers(0)->mutable_hidden_state() =
            schema::MakeValues(schema::FLOAT32, "hhhhhhhH");
        signals.footer.set_signals_sha256(schema::SignalsDigest(signals));
      }
      return signals;
    };
    const absl::Status status = TakePart(ranks, run);
    return ranks.rank() > 0 || Says(status, "repetition 2");
  };
  EXPECT_EQ(RunForkedRanks(kRanks, work), std::vector<int>(kRanks, 0));
  EXPECT_FALSE(directory_.IsFinished());
}

TEST_F(RanksSessionTest, OtherWorkIsNamedWithWhatDiffers) {
  const auto work = [](Communicator& ranks) {
    schema::RunManifest mine = Identity();
    if (!CheckSameWork(mine, ranks).ok()) return false;
    if (ranks.rank() == 1) mine.mutable_model()->set_digest("another");
    return Says(CheckSameWork(mine, ranks), "rank 1: has other work than rank 0") &&
           Says(CheckSameWork(mine, ranks), "digest");
  };
  EXPECT_EQ(RunForkedRanks(kRanks, work), std::vector<int>(kRanks, 0));
}

TEST_F(RanksSessionTest, ALostRankEndsTheSessionOfAll) {
  const auto work = [this](Communicator& ranks) {
    const auto run = [&](int) -> absl::StatusOr<schema::Repetition> {
      if (ranks.rank() == 2) _exit(0);
      return Signals(ranks.rank());
    };
    return Says(TakePart(ranks, run), "lost");
  };
  EXPECT_EQ(RunForkedRanks(kRanks, work), std::vector<int>(kRanks, 0));
  EXPECT_FALSE(directory_.IsFinished());
}

}  // namespace
}  // namespace forensics::runner
