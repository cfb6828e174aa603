#include "schema/inspect_run.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "schema/inspect_table.h"
#include "schema/run_directory.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;
using Rows = std::vector<std::vector<std::string>>;

constexpr char kShardSuffix[] = ".shard";

std::string ValueText(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  if (value.kind_case() == Value::kBoolValue) return value.bool_value() ? "true" : "false";
  if (value.kind_case() == Value::kNumberValue) return absl::StrCat(value.number_value());
  return value.string_value();
}

std::string DecodingText(const DecodingInfo& decoding) {
  if (!decoding.forced()) return "free";
  const int departure = decoding.first_departure();
  return absl::StrCat(
      "forced by ", decoding.reference_config_id(), " on ", decoding.reference_hardware(), ", ",
      departure < 0 ? "own choices agree" : absl::StrCat("own choice departs at step ", departure));
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
      {"reproducible", manifest.reproducible() ? "yes" : "NO"}};
  return FormatTable(rows, "  ");
}

std::string SettingsText(const RunManifest& manifest) {
  const std::map<std::string, std::string> settings(manifest.settings().begin(),
                                                    manifest.settings().end());
  Rows rows;
  for (const auto& [name, value] : settings) rows.push_back({name, OneLine(value, 120)});
  return FormatTable(rows, "    ");
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

std::string FilesText(const std::string& directory) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const uintmax_t bytes = entry.is_regular_file(error) ? entry.file_size(error) : 0;
    files[entry.path().filename().string()] = absl::StrCat(bytes);
  }
  Rows rows;
  for (const auto& [name, bytes] : files) rows.push_back({name, bytes, "bytes"});
  return FormatTable(rows, "    ");
}

// Run directories below `results`, finished or not.
std::set<std::string> RunDirectoriesBelow(const std::string& results) {
  std::set<std::string> directories;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(results, error)) {
    if (entry.is_directory(error) && IsRunDirectory(entry.path().string())) {
      directories.insert(entry.path().string());
    }
  }
  return directories;
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
          manifest.reproducible() ? "yes" : "NO",
          digest,
          path};
}

}  // namespace

bool IsRunDirectory(const std::string& directory) {
  if (RunDirectory(directory).IsFinished()) return true;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (absl::EndsWith(entry.path().filename().string(), kShardSuffix)) return true;
  }
  return false;
}

absl::StatusOr<std::string> InspectRun(const std::string& directory) {
  const RunDirectory run(directory);
  if (!run.IsFinished()) {
    return absl::StrCat("run ", directory, ": unfinished (no manifest)\n  files\n",
                        FilesText(directory));
  }
  const absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  std::string text =
      absl::StrCat("run ", directory, ": finished\n", FactsText(*manifest), "  settings\n",
                   SettingsText(*manifest), "  repetitions\n", RepetitionsText(*manifest));
  if (manifest->has_first_difference()) {
    absl::StrAppend(&text, "  first difference\n    ",
                    manifest->first_difference().ShortDebugString(), "\n");
  }
  return absl::StrCat(text, "  files\n", FilesText(directory));
}

absl::StatusOr<ResultsInspection> InspectResults(const std::string& results) {
  ResultsInspection inspection;
  Rows rows = {{"hardware", "config_id", "experiment", "value", "decoding", "repetitions",
                "reproducible", "signals", "folder"}};
  for (const std::string& path : RunDirectoriesBelow(results)) {
    const RunDirectory run(path);
    const absl::StatusOr<RunManifest> manifest =
        run.IsFinished() ? run.ReadManifest() : absl::NotFoundError("");
    const fs::path folder(path);
    const std::vector<std::string> names = {folder.parent_path().filename().string(),
                                            folder.filename().string()};
    if (manifest.ok()) {
      rows.push_back(RunRow(path, *manifest));
    } else {
      const char* state = run.IsFinished() ? "DAMAGED" : "unfinished";
      rows.push_back({names[0], names[1], state, "-", "-", "-", "-", "-", path});
    }
    if (run.IsFinished() && !manifest.ok()) {
      inspection.problems.emplace_back(manifest.status().message());
    }
  }
  if (rows.size() == 1) return absl::NotFoundError(absl::StrCat(results, ": holds no run"));
  inspection.table = absl::StrCat("results ", results, "\n", FormatTable(rows, "  "));
  return inspection;
}

}  // namespace forensics::schema
