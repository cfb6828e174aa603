#include "runner/engine/session.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/message_differencer.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runner/capture/repetition_comparison.h"
#include "runner/parallel/agreement.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/directory_lock.h"
#include "schema/stored_repetition.h"

namespace forensics::runner {
namespace {

using schema::Repetition;
using schema::RunDirectory;
using schema::RunManifest;

RunManifest IdentityOf(RunManifest manifest) {
  manifest.clear_work_digest();
  manifest.clear_repetitions();
  manifest.clear_reproducible();
  manifest.clear_first_difference();
  manifest.clear_created();
  manifest.clear_provider();
  manifest.clear_kernels();
  manifest.clear_other_shapes();
  manifest.clear_machine_facts();
  manifest.mutable_decoding()->clear_first_departure();
  manifest.mutable_experiment()->clear_repetitions();  // how often, not what
  return manifest;
}

// "dtype: \"float32\" -> \"bfloat16\"" for each field that differs, at most a few.
std::string DifferingFields(const RunManifest& before, const RunManifest& now) {
  std::string report;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&report);
  differencer.Compare(IdentityOf(before), IdentityOf(now));
  constexpr size_t kMost = 600;
  if (report.size() > kMost) report = report.substr(0, kMost) + " ...\n";
  return report;
}

// The manifest of a finished run whose stored shard is sound.
absl::StatusOr<RunManifest> ReadFinished(const RunDirectory& directory) {
  absl::StatusOr<RunManifest> manifest = directory.ReadManifest();
  absl::Status status = manifest.status();
  if (status.ok()) status = ReadSignals(directory, *manifest).status();
  if (status.ok()) return manifest;
  return absl::Status(
      status.code(), absl::StrCat(status.message(), "; --overwrite runs this configuration again"));
}

// What a rerun finds finished: the manifest, or why it does not serve.
absl::StatusOr<RunManifest> FinishedBefore(const RunDirectory& directory,
                                           const RunManifest& identity,
                                           const SessionOptions& options, Progress& progress) {
  absl::StatusOr<RunManifest> before = ReadFinished(directory);
  if (!before.ok()) return before.status();
  RunManifest same_build = identity;
  same_build.mutable_versions()->set_runner(before->versions().runner());
  if (WorkDigest(same_build) != before->work_digest()) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory.path(), ": holds a finished run of other work; --overwrite replaces it, another ",
        "--output keeps both. What differs (before -> now):\n",
        DifferingFields(*before, same_build)));
  }
  if (before->repetitions_size() < options.repetitions && before->reproducible()) {
    return absl::FailedPreconditionError(absl::StrCat(
        directory.path(), ": finished with ", before->repetitions_size(), " repetitions, expected ",
        options.repetitions, "; --overwrite runs them all again"));
  }
  if (before->versions().runner() != identity.versions().runner()) {
    progress.Note(absl::StrCat(directory.path(), ": finished by another build of this runner (",
                               before->versions().runner(), ")"));
  }
  return before;
}

// The header of a shard of `repetition`, as rank 0 writes it.
schema::ShardHeader HeaderOf(const RunManifest& manifest, int repetition, int world_size) {
  schema::ShardHeader header;
  header.set_config_id(manifest.config_id());
  header.set_work_digest(manifest.work_digest());
  header.set_repetition(repetition);
  header.set_world_size(world_size);
  header.set_started(UtcNow());
  return header;
}

// The repetition that earlier, unfinished work left, if all its shards are whole and of this work.
std::optional<Repetition> LeftBefore(const RunDirectory& directory,
                                     const schema::ShardHeader& header, Progress& progress) {
  const std::string path = directory.ShardPath(header.repetition(), 0, header.world_size());
  if (std::error_code error; !std::filesystem::exists(path, error)) return std::nullopt;
  absl::StatusOr<Repetition> left = schema::ReadRepetition(directory, header);
  if (!left.ok()) {
    progress.Note(absl::StrCat("not continued: ", left.status().message()));
    return std::nullopt;
  }
  progress.Note(
      absl::StrCat("continued: repetition ", header.repetition() + 1, " is there already"));
  return *std::move(left);
}

schema::RepetitionSummary Summarize(const Repetition& repetition, bool stored) {
  schema::RepetitionSummary summary;
  summary.set_repetition(repetition.header.repetition());
  summary.set_started(repetition.header.started());
  summary.set_runtime_seconds(repetition.footer.runtime_seconds());
  summary.set_prefill_seconds(repetition.footer.prefill_seconds());
  summary.set_decode_seconds(repetition.footer.decode_seconds());
  summary.set_signals_sha256(repetition.footer.signals_sha256());
  summary.set_stored(stored);
  if (repetition.footer.has_background_load()) {
    *summary.mutable_background_load() = repetition.footer.background_load();
    summary.mutable_background_load()->clear_intervals();
  }
  *summary.mutable_machine_facts() = repetition.footer.machine_facts();
  return summary;
}

int FirstDeparture(const Repetition& repetition) {
  for (const schema::StepRecord& step : repetition.steps) {
    if (step.token_id() != step.fed_token_id()) return step.step();
  }
  return -1;
}

// Writes this rank's shard of `repetition`; OK once the shards of all ranks are on disk.
absl::Status WriteTogether(const RunDirectory& directory, const schema::ShardHeader& header,
                           Repetition repetition, Communicator& ranks) {
  repetition.header.MergeFrom(header);  // which the part that the rank holds stays in
  repetition.header.set_rank(ranks.rank());
  const std::string path =
      directory.ShardPath(header.repetition(), ranks.rank(), header.world_size());
  return AllRanksOk(schema::WriteShard(path, repetition), ranks);
}

// Tells the ranks that follow what comes next: a header to run, or none at the end, however it
// comes.
class Leader {
 public:
  explicit Leader(Communicator& ranks) : ranks_(ranks) {}
  ~Leader() { (void)Tell(""); }  // they hear of a lost connection themselves

  // Has every rank run the repetition of `header` and write its shard; OK once all are on disk.
  absl::Status Run(const RunDirectory& directory, const schema::ShardHeader& header,
                   const RunRepetition& run_repetition) {
    absl::Status status = Tell(header.SerializeAsString());
    if (!status.ok()) return status;
    absl::StatusOr<Repetition> repetition = run_repetition(header.repetition());
    // In the middle of a pass ranks can settle nothing: the others see this one go.
    lost_ = !repetition.ok();
    if (lost_) return repetition.status();
    return WriteTogether(directory, header, *std::move(repetition), ranks_);
  }

 private:
  absl::Status Tell(const std::string& command) {
    if (lost_) return absl::OkStatus();
    return FromFirstRank(command, ranks_).status();
  }

  Communicator& ranks_;
  bool lost_ = false;
};

// Runs what is missing of the repetitions; each is on disk, in the shards of all ranks, when it is
// done.
absl::StatusOr<std::vector<Repetition>> RunRepetitions(
    const RunDirectory& directory, const RunManifest& manifest, const SessionOptions& options,
    const RunRepetition& run_repetition, Communicator& ranks, Leader& leader, Progress& progress) {
  std::vector<Repetition> repetitions;
  for (int i = 0; i < options.repetitions; ++i) {
    const schema::ShardHeader header = HeaderOf(manifest, i, ranks.size());
    std::optional<Repetition> left;
    if (options.resume && !options.overwrite) left = LeftBefore(directory, header, progress);
    if (left.has_value()) {
      repetitions.push_back(*std::move(left));
      continue;
    }
    if (absl::Status status = directory.RemoveRepetition(i); !status.ok()) return status;
    absl::Status status = leader.Run(directory, header, run_repetition);
    absl::StatusOr<Repetition> joined =
        status.ok() ? schema::ReadRepetition(directory, header) : status;
    if (!joined.ok()) {
      return absl::Status(joined.status().code(),
                          absl::StrCat(manifest.config_id(), ", repetition ", i + 1, ": ",
                                       joined.status().message()));
    }
    repetitions.push_back(*std::move(joined));
  }
  return repetitions;
}

// The manifest is what makes the run finished: it is written before surplus shards go, so that a
// kill between the two loses nothing.
absl::Status Conclude(const RunDirectory& directory, const std::vector<Repetition>& repetitions,
                      const SessionOptions& options, RunManifest& manifest) {
  std::optional<schema::Difference> difference = FirstDifference(repetitions);
  manifest.set_reproducible(!difference.has_value());
  if (difference.has_value()) *manifest.mutable_first_difference() = *std::move(difference);
  for (size_t i = 0; i < repetitions.size(); ++i) {
    const bool stored = !manifest.reproducible() || i + 1 == repetitions.size();
    *manifest.add_repetitions() = Summarize(repetitions[i], stored);
  }
  manifest.mutable_decoding()->set_first_departure(FirstDeparture(repetitions.back()));
  *manifest.mutable_kernels() = repetitions.back().footer.kernels();
  if (options.reference_kernels.has_value()) {
    for (std::string& line : OtherShapes(*options.reference_kernels, manifest.kernels())) {
      manifest.add_other_shapes(std::move(line));
    }
  }
  manifest.set_created(UtcNow());
  return directory.WriteManifest(manifest);
}

// Shards that the manifest does not say are stored: surplus ones of this run, or of earlier work.
absl::Status RemoveSurplusShards(const RunDirectory& directory, const RunManifest& manifest) {
  for (const schema::RepetitionSummary& summary : manifest.repetitions()) {
    if (summary.stored()) continue;
    absl::Status status = directory.RemoveRepetition(summary.repetition());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

std::string WorkDigest(const RunManifest& manifest) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    IdentityOf(manifest).SerializeToCodedStream(&coded);
  }
  return schema::Sha256Hex(bytes);
}

absl::StatusOr<RunManifest> RunSession(const RunDirectory& directory, const RunManifest& identity,
                                       const SessionOptions& options,
                                       const RunRepetition& run_repetition, Communicator& ranks,
                                       Progress& progress) {
  Leader leader(ranks);
  absl::StatusOr<schema::DirectoryLock> lock = schema::DirectoryLock::Acquire(directory.path());
  if (!lock.ok()) return lock.status();
  absl::Status status = schema::RemoveStaleTemporaries(directory.path());
  if (status.ok() && options.overwrite) status = directory.Clear();
  if (!status.ok()) return status;
  if (directory.IsFinished()) {
    absl::StatusOr<RunManifest> before = FinishedBefore(directory, identity, options, progress);
    if (before.ok()) status = RemoveSurplusShards(directory, *before);
    return status.ok() ? before : status;
  }

  RunManifest manifest = identity;
  manifest.set_work_digest(WorkDigest(identity));
  absl::StatusOr<std::vector<Repetition>> repetitions =
      RunRepetitions(directory, manifest, options, run_repetition, ranks, leader, progress);
  if (!repetitions.ok()) return repetitions.status();
  status = Conclude(directory, *repetitions, options, manifest);
  if (status.ok()) status = RemoveSurplusShards(directory, manifest);
  if (!status.ok()) return status;
  return manifest;
}

absl::Status FollowSession(const RunDirectory& directory, const RunRepetition& run_repetition,
                           Communicator& ranks) {
  while (true) {
    const absl::StatusOr<std::string> command = FromFirstRank("", ranks);
    if (!command.ok()) return command.status();
    if (command->empty()) return absl::OkStatus();
    schema::ShardHeader header;
    if (!header.ParseFromString(*command)) {
      return absl::InternalError("rank 0 sent what is no shard header");
    }
    absl::StatusOr<Repetition> repetition = run_repetition(header.repetition());
    if (!repetition.ok()) return repetition.status();
    const absl::Status status = WriteTogether(directory, header, *std::move(repetition), ranks);
    if (!status.ok()) return status;
  }
}

absl::Status CheckSameWork(const RunManifest& mine, Communicator& ranks) {
  const auto first = FromFirstRank(IdentityOf(mine).SerializeAsString(), ranks);
  if (!first.ok()) return first.status();
  RunManifest of_first;
  absl::Status status;
  if (!of_first.ParseFromString(*first)) {
    status = absl::InternalError("rank 0 sent what is no manifest");
  } else if (WorkDigest(of_first) != WorkDigest(mine)) {
    status = absl::FailedPreconditionError(
        absl::StrCat("has other work than rank 0; what differs (rank 0 -> here):\n",
                     DifferingFields(of_first, mine)));
  }
  return AllRanksOk(status, ranks);
}

absl::StatusOr<Repetition> ReadSignals(const RunDirectory& directory, const RunManifest& manifest) {
  for (const schema::RepetitionSummary& summary : manifest.repetitions()) {
    if (summary.stored()) {
      return schema::ReadStoredRepetition(directory, manifest, summary.repetition());
    }
  }
  return absl::NotFoundError(
      absl::StrCat(directory.path(), ": the manifest names no stored shard"));
}

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::UTCTimeZone());
}

}  // namespace forensics::runner
