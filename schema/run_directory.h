// Every name on disk.
//
//   RESULTS/<hardware>/<config_id>/manifest.textproto        written last
//   RESULTS/<hardware>/<config_id>/rep_0.rank_0_of_1.shard   one a repetition and rank
//   EXPERIMENTS/<name>_experiment.json, reference_baseline.json
//   REPORT/analysis_reports.json, summary.json, report.html
#ifndef SCHEMA_RUN_DIRECTORY_H_
#define SCHEMA_RUN_DIRECTORY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schema/run.pb.h"
#include "schema/schema_version.h"

namespace forensics::schema {

// Default folders, relative to where the user typed the command.
inline constexpr char kResultsFolder[] = "results";
inline constexpr char kExperimentsFolder[] = "experiments";
inline constexpr char kReportFolder[] = "report";

// The reference experiment's file, and the plan's eight, in the plan's order.
inline constexpr char kReferenceBaselineFile[] = "reference_baseline.json";
const std::vector<std::string>& ExperimentFiles();

inline constexpr char kAnalysisReportsFile[] = "analysis_reports.json";
inline constexpr char kSummaryFile[] = "summary.json";
inline constexpr char kReportPageFile[] = "report.html";
inline constexpr char kAttributionFile[] = "attribution.json";

// One configuration on one machine.
class RunDirectory {
 public:
  RunDirectory(absl::string_view results, absl::string_view hardware, absl::string_view config_id);
  explicit RunDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string ManifestPath() const;
  std::string ShardPath(int repetition, int rank, int world_size) const;
  // What stands for the shards of all ranks: "rep_0.rank_*_of_2.shard".
  std::string AllRanksPath(int repetition, int world_size) const;
  // The shards of one repetition, by rank. NotFound names the first that is missing; Unavailable
  // one of which the system does not say; FailedPrecondition one that a run of so many ranks does
  // not have.
  absl::StatusOr<std::vector<std::string>> FindShards(int repetition, int world_size) const;

  bool IsFinished() const;  // has a manifest
  bool HasShards() const;   // of any repetition and rank

  // The manifest's text is followed by its own digest in a comment, so that damage is found.
  absl::Status WriteManifest(const RunManifest& manifest) const;
  absl::StatusOr<RunManifest> ReadManifest() const;

  // Removes all that a run may have left here: shards, manifest, temporary files.
  absl::Status Clear() const;
  // Removes the shards of one repetition, of every rank.
  absl::Status RemoveRepetition(int repetition) const;

 private:
  std::string path_;
};

// Whether this is the name of a shard: "rep_0.rank_0_of_1.shard".
bool IsShardName(absl::string_view name);

// What the name of all ranks' shards says: "rep_0.rank_*_of_2.shard".
struct AllRanksName {
  int repetition = 0;
  int world_size = 0;
};
std::optional<AllRanksName> ParseAllRanksName(absl::string_view name);

struct FoundRuns {
  std::vector<RunDirectory> runs;     // sorted by path
  std::vector<std::string> problems;  // what could not be read, by name
};

enum class WhichRuns { kFinished, kAll };

// The run directories below `results`, which may itself be one; links to folders are followed.
// NotFound if there is no such folder; Unavailable if the system does not say.
absl::StatusOr<FoundRuns> FindRuns(const std::string& results,
                                   WhichRuns which = WhichRuns::kFinished);

// A hardware label as a part of a path: what is not a letter, digit, '.', '-' or '_' becomes '_'.
std::string PathPart(absl::string_view label);

// The PathPart, and where more than spaces were replaced in it the label's LabelDigest: labels that
// differ in such characters alone keep folders of their own.
std::string FolderName(absl::string_view label);

// Eight hexadecimal digits that tell labels apart.
std::string LabelDigest(absl::string_view label);

// "A100-80GB" and "NVIDIA A100-SXM4-80GB" are "A100": the plan's short form, used in config ids. A
// label that names no known GPU is its own short form, as a PathPart.
std::string ShortHardware(absl::string_view label);

}  // namespace forensics::schema

#endif  // SCHEMA_RUN_DIRECTORY_H_
