#include "schema/inspect_run.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "schema/inspect_table.h"
#include "schema/list_directory.h"
#include "schema/rank_join.h"
#include "schema/run_directory.h"
#include "schema/shard.h"
#include "schema/stored_repetition.h"
#include "schema/value_text.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<std::vector<std::string>>;

std::string DecodingText(const DecodingInfo& decoding) {
  if (!decoding.forced()) return "free";
  const int departure = decoding.first_departure();
  return absl::StrCat(
      "forced by ", decoding.reference_config_id(), " on ", decoding.reference_hardware(), ", ",
      departure < 0 ? "own choices agree" : absl::StrCat("own choice departs at step ", departure));
}

// One repetition proves nothing.
std::string ReproducibleText(const RunManifest& manifest) {
  if (!manifest.reproducible()) return "NO";
  return manifest.repetitions_size() > 1 ? "yes" : "unknown";
}

std::string FactsText(const RunManifest& manifest) {
  const ModelInfo& model = manifest.model();
  const RunConfig& config = manifest.config();
  const ExtractionConfig& extraction = manifest.extraction();
  const Rows rows = {
      {"configuration", manifest.config_id()},
      {"hardware", manifest.hardware()},
      {"provider", manifest.provider()},
      {"experiment",
       absl::StrCat(manifest.experiment().name(), ": ", manifest.experiment().variable(), " = ",
                    ValueText(manifest.variable_value()))},
      {"run config", OneLine(config.ShortDebugString(), 160)},
      {"model", absl::StrCat(model.name(), ", ", model.architecture(), ", ", model.parameters(),
                             " parameters, digest ", model.digest())},
      {"prompt", absl::StrCat(manifest.prompt().token_ids_size(), " tokens, ",
                              OneLine(manifest.prompt().document(), 60), ", SHA-256 ",
                              manifest.prompt().token_ids_sha256())},
      {"decoding", DecodingText(manifest.decoding())},
      {"extraction", absl::StrCat("layers ", absl::StrJoin(extraction.layers(), ", "), "; window ",
                                  extraction.window(), "; top ", extraction.top_k_logprobs(), "; ",
                                  manifest.decode_steps(), " steps")},
      {"versions", OneLine(manifest.versions().ShortDebugString(), 120)},
      {"created", manifest.created()},
      {"work digest", manifest.work_digest()},
      {"ranks", absl::StrCat(WorldSize(manifest.config()))},
      {"reproducible", ReproducibleText(manifest)}};
  return FormatTable(rows, "  ");
}

// Sorted by name.
std::string MapText(const google::protobuf::Map<std::string, std::string>& map) {
  const std::map<std::string, std::string> sorted(map.begin(), map.end());
  Rows rows;
  for (const auto& [name, value] : sorted) rows.push_back({name, OneLine(value, 120)});
  return FormatTable(rows, "    ");
}

std::string MachineFactsText(const RunManifest& manifest) {
  if (manifest.machine_facts().empty()) return "";
  return absl::StrCat("  machine\n", MapText(manifest.machine_facts()));
}

std::string RepetitionsText(const RunManifest& manifest) {
  Rows rows = {{"repetition", "started", "seconds", "prefill", "decode", "stored", "signals"}};
  for (const RepetitionSummary& summary : manifest.repetitions()) {
    rows.push_back({absl::StrCat(summary.repetition()), summary.started(),
                    absl::StrFormat("%.3f", summary.runtime_seconds()),
                    absl::StrFormat("%.3f", summary.prefill_seconds()),
                    absl::StrFormat("%.3f", summary.decode_seconds()),
                    summary.stored() ? "yes" : "no", summary.signals_sha256()});
  }
  return FormatTable(rows, "    ");
}

std::string OtherShapesText(const RunManifest& manifest) {
  if (manifest.other_shapes().empty()) return "";
  return absl::StrCat("  kernels that saw another shape than in the reference's run\n    ",
                      absl::StrJoin(manifest.other_shapes(), "\n    "), "\n");
}

// What each rank holds of the stored repetitions, where there are many.
std::string RanksText(const RunDirectory& run, const RunManifest& manifest) {
  const int world_size = WorldSize(manifest.config());
  if (world_size == 1) return "";
  Rows rows = {{"repetition", "rank", "key elements", "token ids", "seconds", "signals"}};
  for (const RepetitionSummary& summary : manifest.repetitions()) {
    for (int rank = 0; summary.stored() && rank < world_size; ++rank) {
      const absl::StatusOr<Repetition> shard =
          ReadShard(run.ShardPath(summary.repetition(), rank, world_size));
      if (!shard.ok()) continue;  // a problem, named by the joining
      const SignalPart& part = shard->header.part();
      const bool all = !shard->header.has_part();
      rows.push_back(
          {absl::StrCat(summary.repetition()), absl::StrCat(rank),
           all ? "all" : absl::StrCat("[", part.key_begin(), ", ", part.key_end(), ")"),
           all ? "all" : absl::StrCat("[", part.vocab_begin(), ", ", part.vocab_end(), ")"),
           absl::StrFormat("%.3f", shard->footer.runtime_seconds()),
           shard->footer.signals_sha256()});
    }
  }
  return absl::StrCat("  ranks\n", FormatTable(rows, "    "));
}

std::string FilesText(const std::string& directory) {
  const auto entries = ListDirectory(directory);
  if (!entries.ok()) return absl::StrCat("    ", entries.status().message(), "\n");
  Rows rows;
  std::error_code error;
  for (const fs::directory_entry& entry : *entries) {
    const uintmax_t bytes = entry.is_regular_file(error) ? entry.file_size(error) : 0;
    rows.push_back({entry.path().filename().string(), absl::StrCat(bytes), "bytes"});
  }
  return FormatTable(rows, "    ");
}

// What is wrong with the stored shards.
std::vector<std::string> ShardProblems(const RunDirectory& run, const RunManifest& manifest) {
  std::vector<std::string> problems;
  for (int i = 0; i < manifest.repetitions_size(); ++i) {
    if (!manifest.repetitions(i).stored()) continue;
    const absl::Status status = ReadStoredRepetition(run, manifest, i).status();
    if (!status.ok()) problems.emplace_back(status.message());
  }
  return problems;
}

std::vector<std::string> RunRow(const std::string& path, const RunManifest& manifest) {
  std::set<std::string> digests;
  for (const auto& repetition : manifest.repetitions()) digests.insert(repetition.signals_sha256());
  const std::string digest =
      digests.size() == 1 ? digests.begin()->substr(0, 8) : absl::StrCat(digests.size(), " kinds");
  return {manifest.hardware(),
          manifest.config_id(),
          manifest.experiment().name(),
          ValueText(manifest.variable_value()),
          manifest.decoding().forced() ? "forced" : "free",
          absl::StrCat(manifest.repetitions_size()),
          ReproducibleText(manifest),
          digest,
          path};
}

// The row of a run in any state; what is wrong with it is added to `problems`.
std::vector<std::string> ResultsRow(const RunDirectory& run, std::vector<std::string>& problems) {
  const fs::path folder(run.path());
  std::vector<std::string> row = {folder.parent_path().filename().string(),
                                  folder.filename().string(),
                                  "unfinished",
                                  "-",
                                  "-",
                                  "-",
                                  "-",
                                  "-",
                                  run.path()};
  if (!run.IsFinished()) return row;
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok()) {
    problems.emplace_back(manifest.status().message());
    row[2] = "DAMAGED";
    return row;
  }
  row = RunRow(run.path(), *manifest);
  const std::vector<std::string> of_shards = ShardProblems(run, *manifest);
  if (!of_shards.empty()) row[7] = "DAMAGED";
  problems.insert(problems.end(), of_shards.begin(), of_shards.end());
  return row;
}

}  // namespace

bool IsRunDirectory(const std::string& directory) {
  const RunDirectory run(directory);
  return run.IsFinished() || run.HasShards();
}

absl::StatusOr<Inspection> InspectRun(const std::string& directory) {
  const RunDirectory run(directory);
  if (!run.IsFinished()) {
    return Inspection{absl::StrCat("run ", directory, ": unfinished (no manifest)\n  files\n",
                                   FilesText(directory)),
                      {}};
  }
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  Inspection inspection;
  inspection.problems = ShardProblems(run, *manifest);
  const char* state = inspection.problems.empty() ? "finished" : "finished, DAMAGED";
  inspection.text = absl::StrCat(
      "run ", directory, ": ", state, "\n", FactsText(*manifest), "  settings\n",
      MapText(manifest->settings()), MachineFactsText(*manifest), "  repetitions\n",
      RepetitionsText(*manifest), RanksText(run, *manifest), OtherShapesText(*manifest));
  if (manifest->has_first_difference()) {
    absl::StrAppend(&inspection.text, "  first difference\n    ",
                    manifest->first_difference().ShortDebugString(), "\n");
  }
  absl::StrAppend(&inspection.text, "  files\n", FilesText(directory));
  return inspection;
}

absl::StatusOr<Inspection> InspectResults(const std::string& results) {
  const absl::StatusOr<FoundRuns> found = FindRuns(results, WhichRuns::kAll);
  if (!found.ok()) return found.status();
  if (found->runs.empty()) {
    return absl::NotFoundError(absl::StrCat(
        results, ": holds no run",
        found->problems.empty() ? "" : "; cannot be read: ", absl::StrJoin(found->problems, ", ")));
  }
  Inspection inspection;
  inspection.problems = found->problems;
  Rows rows = {{"hardware", "config_id", "experiment", "value", "decoding", "repetitions",
                "reproducible", "signals", "folder"}};
  for (const RunDirectory& run : found->runs) {
    rows.push_back(ResultsRow(run, inspection.problems));
  }
  inspection.text = absl::StrCat("results ", results, "\n", FormatTable(rows, "  "));
  return inspection;
}

}  // namespace forensics::schema
