// The finished runs of one or many RESULTS folders, and their signals.
#ifndef COLLECTOR_RUN_SET_H_
#define COLLECTOR_RUN_SET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"
#include "schema/shard.h"

namespace forensics::collector {

// The name of experiment 0 in its manifest.
inline constexpr char kReferenceExperiment[] = "reference";

// A finished run. The prompt's text and token ids are left out of the manifest, so that many runs
// take little memory.
struct Run {
  schema::RunDirectory directory;
  schema::RunManifest manifest;
  int prompt_tokens = 0;

  bool IsReference() const { return manifest.experiment().name() == kReferenceExperiment; }
  bool IsForced() const { return manifest.decoding().forced(); }
  // Digest of the signals: the stored repetition's, or all of them if they differ.
  std::string SignalsDigest() const;
};

struct RunSet {
  std::vector<Run> runs;              // sorted by path within each folder
  std::vector<std::string> problems;  // damaged or refused runs and missing folders, by name
  int left_out = 0;                   // finished runs among the problems
};

struct RunSetOptions {
  std::vector<std::string> results;
  // Names of experiments; runs of others are passed over, but for the reference's. Empty: all.
  std::vector<std::string> experiments;
  bool allow_non_reproducible = false;
};

// Reads and checks the manifests and stored signals of all finished runs.
RunSet FindRunSet(const RunSetOptions& options);

// Reads a finished run's manifest: DataLoss names what contradicts itself.
absl::StatusOr<Run> ReadRun(const schema::RunDirectory& directory);

// The signals of a stored repetition, all ranks joined and checked against the manifest: errors
// name run or shard, field, expected and found (schema/stored_repetition.h).
absl::StatusOr<schema::Repetition> ReadRepetition(const Run& run, int repetition);

}  // namespace forensics::collector

#endif  // COLLECTOR_RUN_SET_H_
