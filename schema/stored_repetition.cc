#include "schema/stored_repetition.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "schema/rank_join.h"

namespace forensics::schema {
namespace {

// What the shards of all ranks may take in memory together.
constexpr size_t kMostBytes = size_t{512} << 20;

size_t BytesOf(const Repetition& repetition) {
  size_t bytes = repetition.header.SpaceUsedLong() + repetition.footer.SpaceUsedLong();
  for (const StepRecord& step : repetition.steps) bytes += step.SpaceUsedLong();
  for (const PositionRecord& position : repetition.positions) bytes += position.SpaceUsedLong();
  return bytes;
}

absl::Status CheckHeader(const std::string& path, const ShardHeader& header, int rank,
                         const ShardHeader& expected) {
  absl::Status status = CheckEqual(path, "config_id", header.config_id(), expected.config_id());
  status.Update(CheckEqual(path, "work_digest", header.work_digest(), expected.work_digest()));
  status.Update(CheckEqual(path, "repetition", header.repetition(), expected.repetition()));
  status.Update(CheckEqual(path, "rank", header.rank(), rank));
  status.Update(CheckEqual(path, "world_size", header.world_size(), expected.world_size()));
  return status;
}

}  // namespace

absl::Status CheckEqual(const std::string& path, const std::string& field, const std::string& found,
                        const std::string& expected) {
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": ", field, " is ", found, ", expected ", expected));
}

absl::Status CheckEqual(const std::string& path, const std::string& field, int64_t found,
                        int64_t expected) {
  return CheckEqual(path, field, absl::StrCat(found), absl::StrCat(expected));
}

absl::StatusOr<Repetition> ReadRepetition(const RunDirectory& directory,
                                          const ShardHeader& expected) {
  const absl::StatusOr<std::vector<std::string>> paths =
      directory.FindShards(expected.repetition(), expected.world_size());
  if (!paths.ok()) return paths.status();
  std::vector<Repetition> ranks;
  size_t bytes = 0;
  for (const std::string& path : *paths) {
    absl::StatusOr<Repetition> shard = ReadShard(path);
    if (!shard.ok()) return shard;
    absl::Status status =
        CheckHeader(path, shard->header, static_cast<int>(ranks.size()), expected);
    if (!status.ok()) return status;
    bytes += BytesOf(*shard);
    if (bytes > kMostBytes) {
      return absl::DataLossError(absl::StrCat(
          path, ": this and the ranks before it take more than ", kMostBytes, " bytes in memory"));
    }
    ranks.push_back(*std::move(shard));
  }
  absl::StatusOr<Repetition> joined = JoinRanks(ranks);
  if (joined.ok()) return joined;
  const std::string all_ranks =
      directory.AllRanksPath(expected.repetition(), expected.world_size());
  return absl::Status(joined.status().code(),
                      absl::StrCat(all_ranks, ": ", joined.status().message()));
}

absl::StatusOr<Repetition> ReadStoredRepetition(const RunDirectory& directory,
                                                const RunManifest& manifest, int number) {
  if (number < 0 || number >= manifest.repetitions_size()) {
    return absl::DataLossError(absl::StrCat(directory.path(), ": repetition ", number, " of ",
                                            manifest.repetitions_size(), " in the manifest"));
  }
  ShardHeader expected;
  expected.set_config_id(manifest.config_id());
  expected.set_work_digest(manifest.work_digest());
  expected.set_repetition(number);
  expected.set_world_size(WorldSize(manifest.config()));
  absl::StatusOr<Repetition> repetition = ReadRepetition(directory, expected);
  if (!repetition.ok()) return repetition;
  const std::string path = absl::StrCat(directory.path(), ": repetition ", number);
  absl::Status status = CheckEqual(path, "signals_sha256", repetition->footer.signals_sha256(),
                                   manifest.repetitions(number).signals_sha256());
  status.Update(CheckEqual(path, "number of steps", static_cast<int64_t>(repetition->steps.size()),
                           manifest.decode_steps()));
  if (!status.ok()) return status;
  return repetition;
}

}  // namespace forensics::schema
