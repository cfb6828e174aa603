#include "collector/experiment_writer.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "collector/configuration_writer.h"
#include "collector/json_writer.h"
#include "collector/signal_writer.h"
#include "schema/atomic_file.h"
#include "schema/experiment_json.h"
#include "schema/stored_repetition.h"

namespace forensics::collector {
namespace {

namespace key = schema::key;
using schema::RunManifest;

void WriteExtraction(const RunManifest& manifest, JsonWriter& json) {
  const schema::ExtractionConfig& extraction = manifest.extraction();
  json.Key(key::kExtractionConfig);
  json.StartObject();
  json.Key(key::kLayers);
  json.StartArray();
  for (const int layer : extraction.layers()) json.Int(layer);
  json.EndArray();
  json.Key(key::kPositions);
  json.StartArray();
  for (int position = -extraction.window(); position < 0; ++position) json.Int(position);
  json.EndArray();
  json.Number(key::kHiddenDim, manifest.model().hidden_size());
  json.Number(key::kKeyDim, manifest.model().key_size());
  json.Number(key::kTopKLogprobs, extraction.top_k_logprobs());
  json.EndObject();
}

void WriteMetadata(const ExperimentPlan& plan, const std::string& date_created, JsonWriter& json) {
  const auto& configurations = plan.configurations;
  const auto is = [](bool (Run::*what)() const) {
    return [what](const Configuration& configuration) { return (configuration.run->*what)(); };
  };
  // Where the model is the variable, the file names the reference's.
  const auto reference =
      std::find_if(configurations.begin(), configurations.end(), is(&Run::IsReference));
  const Configuration& first =
      reference == configurations.end() ? configurations.front() : *reference;
  const RunManifest& manifest = first.run->manifest;
  const bool forced = std::any_of(configurations.begin(), configurations.end(), is(&Run::IsForced));

  json.Key(key::kExperimentMetadata);
  json.StartObject();
  json.Text(key::kExperimentType, plan.name);
  json.Text(key::kVariableTested, plan.variable);
  json.Text(key::kModel, manifest.model().name());
  json.Text(key::kModelSize, ModelSize(manifest.model().parameters()));
  json.Text(key::kArchitecture, manifest.model().mixture_of_experts() ? "MoE" : "dense");
  json.Number(key::kSequenceLength, first.run->prompt_tokens);
  json.Number(key::kDecodeSteps, manifest.decode_steps());
  json.Text(key::kDecoding, forced ? schema::kForced : schema::kFree);
  WriteExtraction(manifest, json);
  json.Text(key::kDateCreated, date_created);
  json.EndObject();
}

// One entry of "runs".
absl::Status WriteRun(const Configuration& configuration, const std::string& prompt_text,
                      const schema::RepetitionSummary& summary, JsonWriter& json) {
  json.Break();
  json.StartObject();
  json.Text(key::kConfigId, configuration.config_id);
  json.Number(key::kRepId, summary.repetition());
  json.Text(key::kTimestamp, summary.started());
  json.Key(key::kRuntimeSeconds);
  json.Double(summary.runtime_seconds());
  json.Key(key::kPromptText);
  json.String(prompt_text);
  json.Text(key::kSignalsSha256, summary.signals_sha256());
  if (summary.stored()) {
    const Run& run = *configuration.run;
    absl::StatusOr<schema::Repetition> repetition = ReadRepetition(run, summary.repetition());
    if (!repetition.ok()) return repetition.status();
    json.Key(key::kDecodeSteps);
    absl::Status status = WriteSteps(*repetition, run.manifest.extraction().window(), json);
    if (!status.ok()) return status;
  }
  json.EndObject();
  return json.status();
}

// Runs are read twice, checked and then written: between the two nobody may replace one.
absl::Status CheckSame(const RunManifest& manifest, const Run& run) {
  const std::string path = run.directory.ManifestPath();
  absl::Status status = schema::CheckEqual(path, "work_digest, read once more,",
                                           manifest.work_digest(), run.manifest.work_digest());
  status.Update(schema::CheckEqual(path, "prompt.token_ids_sha256, read once more,",
                                   manifest.prompt().token_ids_sha256(),
                                   run.manifest.prompt().token_ids_sha256()));
  return status;
}

absl::Status WriteRuns(const Configuration& configuration, JsonWriter& json) {
  // The prompt's text is not kept in memory.
  const absl::StatusOr<RunManifest> manifest = configuration.run->directory.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  if (absl::Status status = CheckSame(*manifest, *configuration.run); !status.ok()) return status;
  for (const auto& summary : configuration.run->manifest.repetitions()) {
    absl::Status status = WriteRun(configuration, manifest->prompt().text(), summary, json);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WriteDocument(const ExperimentPlan& plan, const std::string& date_created,
                           const Progress& progress, JsonWriter& json) {
  json.StartObject();
  json.Number(key::kSchemaVersion, schema::kSchemaVersion);
  json.Break();
  WriteMetadata(plan, date_created, json);
  json.Break();
  json.Key(key::kConfigurations);
  json.StartArray();
  for (const Configuration& configuration : plan.configurations) {
    absl::Status status = WriteConfiguration(plan.variable, configuration, json);
    if (!status.ok()) return status;
  }
  json.EndArray();
  json.Break();
  json.Key(key::kRuns);
  json.StartArray();
  for (size_t i = 0; i < plan.configurations.size(); ++i) {
    if (progress) progress(plan, i);
    absl::Status status = WriteRuns(plan.configurations[i], json);
    if (!status.ok()) return status;
  }
  json.EndArray();
  json.Break();
  json.EndObject();
  return json.Finish();
}

}  // namespace

absl::StatusOr<WrittenFile> WriteExperiment(const ExperimentPlan& plan, const std::string& folder,
                                            const std::string& date_created,
                                            const Progress& progress) {
  WrittenFile written;
  written.path = absl::StrCat(folder, "/", plan.output_file);
  absl::StatusOr<schema::AtomicFile> file = schema::AtomicFile::Create(written.path);
  if (!file.ok()) return file.status();
  JsonWriter json(*file);
  absl::Status status = WriteDocument(plan, date_created, progress, json);
  if (status.ok()) status = file->Append("\n");
  if (status.ok()) status = file->Commit();
  if (!status.ok()) return status;

  std::error_code error;
  written.bytes = static_cast<int64_t>(std::filesystem::file_size(written.path, error));
  written.configurations = static_cast<int>(plan.configurations.size());
  for (const Configuration& configuration : plan.configurations) {
    written.runs += configuration.run->manifest.repetitions_size();
  }
  return written;
}

std::string ModelSize(int64_t parameters) {
  constexpr int64_t kMillion = 1000000;
  constexpr int64_t kBillion = 1000 * kMillion;
  if (parameters <= 0) return "";
  if (parameters < kMillion) return absl::StrCat(parameters);
  const int64_t unit = parameters >= kBillion ? kBillion : kMillion;
  const int64_t tenths = parameters / (unit / 10) % 10;
  const bool show_tenths = parameters < 10 * unit && tenths > 0;
  return absl::StrCat(parameters / unit, show_tenths ? absl::StrCat(".", tenths) : "",
                      unit == kBillion ? "B" : "M");
}

}  // namespace forensics::collector
