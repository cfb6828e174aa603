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
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/directory_lock.h"

namespace forensics::runner {
namespace {

using schema::Repetition;
using schema::RunDirectory;
using schema::RunManifest;

// A single process holds all signals today; a sharded run will have one shard a rank.
constexpr int kRank = 0;
constexpr int kWorldSize = 1;

RunManifest IdentityOf(RunManifest manifest) {
  manifest.clear_work_digest();
  manifest.clear_repetitions();
  manifest.clear_reproducible();
  manifest.clear_first_difference();
  manifest.clear_created();
  manifest.clear_provider();
  manifest.clear_kernels();
  manifest.clear_other_shapes();
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
  if (status.ok()) status = ReadStoredRepetition(directory, *manifest).status();
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

// The repetition that earlier, unfinished work left in `path`, if it is whole and of this work.
std::optional<Repetition> LeftBefore(const std::string& path, int repetition,
                                     const RunManifest& manifest, Progress& progress) {
  if (std::error_code error; !std::filesystem::exists(path, error)) return std::nullopt;
  absl::StatusOr<Repetition> left = schema::ReadShard(path);
  if (!left.ok()) {
    progress.Note(absl::StrCat("not continued: ", left.status().message()));
    return std::nullopt;
  }
  if (left->header.work_digest() != manifest.work_digest()) {
    progress.Note(absl::StrCat("not continued: ", path, " is of other work"));
    return std::nullopt;
  }
  const schema::ShardHeader& header = left->header;
  if (header.repetition() != repetition || header.rank() != kRank ||
      header.world_size() != kWorldSize) {
    progress.Note(absl::StrCat("not continued: ", path, " is repetition ", header.repetition(),
                               " of rank ", header.rank(), " of ", header.world_size()));
    return std::nullopt;
  }
  progress.Note(absl::StrCat("continued: repetition ", repetition + 1, " is there already"));
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
  return summary;
}

int FirstDeparture(const Repetition& repetition) {
  for (const schema::StepRecord& step : repetition.steps) {
    if (step.token_id() != step.fed_token_id()) return step.step();
  }
  return -1;
}

// Runs what is missing of the repetitions, each written when it is done.
absl::StatusOr<std::vector<Repetition>> RunRepetitions(const RunDirectory& directory,
                                                       const RunManifest& manifest,
                                                       const SessionOptions& options,
                                                       const RunRepetition& run_repetition,
                                                       Progress& progress) {
  std::vector<Repetition> repetitions;
  for (int i = 0; i < options.repetitions; ++i) {
    const std::string path = directory.ShardPath(i, kRank, kWorldSize);
    std::optional<Repetition> left;
    if (options.resume && !options.overwrite) left = LeftBefore(path, i, manifest, progress);
    if (left.has_value()) {
      repetitions.push_back(*std::move(left));
      continue;
    }
    if (absl::Status status = directory.RemoveRepetition(i); !status.ok()) return status;
    const std::string started = UtcNow();
    absl::StatusOr<Repetition> repetition = run_repetition(i);
    if (!repetition.ok()) {
      return absl::Status(repetition.status().code(),
                          absl::StrCat(manifest.config_id(), ", repetition ", i + 1, ": ",
                                       repetition.status().message()));
    }
    schema::ShardHeader& header = repetition->header;
    header.set_config_id(manifest.config_id());
    header.set_work_digest(manifest.work_digest());
    header.set_repetition(i);
    header.set_rank(kRank);
    header.set_world_size(kWorldSize);
    header.set_started(started);
    if (absl::Status status = schema::WriteShard(path, *repetition); !status.ok()) return status;
    repetitions.push_back(*std::move(repetition));
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
                                       const RunRepetition& run_repetition, Progress& progress) {
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
      RunRepetitions(directory, manifest, options, run_repetition, progress);
  if (!repetitions.ok()) return repetitions.status();
  status = Conclude(directory, *repetitions, options, manifest);
  if (status.ok()) status = RemoveSurplusShards(directory, manifest);
  if (!status.ok()) return status;
  return manifest;
}

absl::StatusOr<Repetition> ReadStoredRepetition(const RunDirectory& directory,
                                                const RunManifest& manifest) {
  for (const schema::RepetitionSummary& summary : manifest.repetitions()) {
    if (!summary.stored()) continue;
    absl::StatusOr<Repetition> repetition =
        schema::ReadShard(directory.ShardPath(summary.repetition(), kRank, kWorldSize));
    if (repetition.ok() && repetition->footer.signals_sha256() != summary.signals_sha256()) {
      return absl::DataLossError(absl::StrCat(directory.path(), ": the stored shard has signals ",
                                              repetition->footer.signals_sha256(),
                                              ", the manifest expects ", summary.signals_sha256()));
    }
    return repetition;
  }
  return absl::NotFoundError(
      absl::StrCat(directory.path(), ": the manifest names no stored shard"));
}

std::string UtcNow() {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::UTCTimeZone());
}

}  // namespace forensics::runner
