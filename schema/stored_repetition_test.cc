#include "schema/stored_repetition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Results() {
  const std::string folder = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  fs::remove_all(folder);
  return folder;
}

SyntheticRun TensorParallel(int variant) {
  SyntheticRun run;
  run.experiment = SyntheticExperiment("tensor_parallel");
  run.variant = variant;
  return run;
}

struct Finished {
  RunDirectory directory;
  RunManifest manifest;

  absl::StatusOr<Repetition> Read() const { return ReadStoredRepetition(directory, manifest, 2); }
};

Finished Write(const SyntheticRun& run, const std::string& results) {
  const auto directory = WriteSyntheticRun(run, results);
  EXPECT_TRUE(directory.ok()) << directory.status();
  return {*directory, *directory->ReadManifest()};
}

TEST(StoredRepetition, JoinsAllRanks) {
  const std::string results = Results();
  for (const int variant : {0, 1}) {
    const SyntheticRun run = TensorParallel(variant);
    const auto joined = Write(run, results).Read();
    ASSERT_TRUE(joined.ok()) << joined.status();
    EXPECT_EQ(SignalsDigest(*joined), SignalsDigest(MakeRepetition(run, 2)));
    EXPECT_EQ(joined->header.world_size(), variant == 0 ? 2 : 4);
  }
}

TEST(StoredRepetition, OneProcessAndFourGiveEqualDigestsForEqualBits) {
  const std::string results = Results();
  EXPECT_EQ(Write({}, results).Read()->footer.signals_sha256(),
            Write(TensorParallel(1), results).Read()->footer.signals_sha256());
}

TEST(StoredRepetition, UnfinishedWorkIsReadByItsHeader) {
  const Finished run = Write(TensorParallel(0), Results());
  ShardHeader expected;
  expected.set_config_id(run.manifest.config_id());
  expected.set_work_digest(run.manifest.work_digest());
  expected.set_repetition(2);
  expected.set_world_size(2);
  fs::remove(run.directory.ManifestPath());
  EXPECT_TRUE(ReadRepetition(run.directory, expected).ok());
  expected.set_work_digest("other");
  EXPECT_THAT(
      std::string(ReadRepetition(run.directory, expected).status().message()),
      AllOf(HasSubstr("rep_2.rank_0_of_2.shard: work_digest is "), HasSubstr("expected other")));
}

void CopyFile(const std::string& from, const std::string& to) {
  ASSERT_TRUE(WriteFileAtomically(to, *ReadFile(from)).ok());
}

struct Damage {
  const char* name;
  std::function<void(const Finished& run, const std::string& results)> make;
  absl::StatusCode code;
  const char* error;
};

class DamagedRank : public testing::TestWithParam<Damage> {};

TEST_P(DamagedRank, IsNamedByFileAndRank) {
  const std::string results = Results();
  Finished run = Write(TensorParallel(0), results);
  ASSERT_TRUE(run.Read().ok());
  GetParam().make(run, results);
  run.manifest = *run.directory.ReadManifest();
  const absl::Status status = run.Read().status();
  EXPECT_EQ(status.code(), GetParam().code) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(run.directory.path()), HasSubstr(GetParam().error)));
}

const Damage kDamages[] = {
    {"Killed",
     [](const Finished& run, const auto&) { fs::remove(run.directory.ShardPath(2, 1, 2)); },
     absl::StatusCode::kNotFound, "rep_2.rank_1_of_2.shard: no such file"},
    {"OfAnotherWorldSize",
     [](const Finished& run, const auto&) {
       CopyFile(run.directory.ShardPath(2, 0, 2), run.directory.ShardPath(2, 0, 4));
     },
     absl::StatusCode::kFailedPrecondition, "rep_2.rank_0_of_4.shard: surplus"},
    {"Stale",
     [](const Finished&, const std::string& results) {
       SyntheticRun other = TensorParallel(0);
       other.edit_shard = [](Repetition& shard) {
         if (shard.header.rank() == 1) shard.header.set_work_digest("old");
       };
       Write(other, results);
     },
     absl::StatusCode::kDataLoss, "rep_2.rank_1_of_2.shard: work_digest is old, expected "},
    {"RanksMixedUp",
     [](const Finished& run, const auto&) {
       CopyFile(run.directory.ShardPath(2, 0, 2), run.directory.ShardPath(2, 1, 2));
     },
     absl::StatusCode::kDataLoss, "rep_2.rank_1_of_2.shard: rank is 0, expected 1"},
    {"Cut",
     [](const Finished& run, const auto&) {
       const std::string path = run.directory.ShardPath(2, 1, 2);
       fs::resize_file(path, fs::file_size(path) - 3);
     },
     absl::StatusCode::kOutOfRange, "rep_2.rank_1_of_2.shard"},
    {"ReplicasDisagree",
     [](const Finished&, const std::string& results) {
       SyntheticRun other = TensorParallel(0);
       other.edit_shard = [](Repetition& shard) {
         if (shard.header.rank() == 0) return;
         Values& values = *shard.positions[0].mutable_layers(0)->mutable_hidden_state();
         std::string data = values.data();
         data[0] = static_cast<char>(data[0] ^ 1);
         values = MakeValues(values.dtype(), std::move(data));
       };
       Write(other, results);
     },
     absl::StatusCode::kDataLoss,
     "rep_2.rank_*_of_2.shard: position 2, layer 1, hidden state: ranks 0 and 1 are no replicas"},
    {"OtherSignals",
     [](const Finished&, const std::string& results) {
       SyntheticRun other = TensorParallel(0);
       other.edit_manifest = [](RunManifest& manifest) {
         manifest.mutable_repetitions(2)->set_signals_sha256("x");
       };
       Write(other, results);
     },
     absl::StatusCode::kDataLoss, ": repetition 2: signals_sha256 is "},
};

INSTANTIATE_TEST_SUITE_P(StoredRepetition, DamagedRank, testing::ValuesIn(kDamages),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::schema
