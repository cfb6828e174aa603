#include "collector/experiment_writer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "collector/json_writer.h"
#include "collector/signal_writer.h"
#include "schema/atomic_file.h"
#include "schema/experiment_json.h"
#include "schema/run_times.h"

namespace forensics::collector {
namespace {

namespace key = schema::key;
using schema::RunConfig;
using schema::RunManifest;

void Text(const char* name, absl::string_view value, JsonWriter& json) {
  json.Key(name);
  json.StringOrNull(value);
}

void Number(const char* name, int64_t value, JsonWriter& json) {
  json.Key(name);
  json.Int(value);
}

void Flag(const char* name, bool value, JsonWriter& json) {
  json.Key(name);
  json.Bool(value);
}

const char* Decoding(const RunManifest& manifest) {
  return manifest.decoding().forced() ? schema::kForced : schema::kFree;
}

// A whole number stays one: 2, not 2.0.
void WriteValue(const google::protobuf::Value& value, JsonWriter& json) {
  using google::protobuf::Value;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const double number = value.number_value();
  switch (value.kind_case()) {
    case Value::kBoolValue:
      return json.Bool(value.bool_value());
    case Value::kStringValue:
      return json.String(value.string_value());
    case Value::kNumberValue:
      if (number == std::floor(number) && std::abs(number) < kExact) {
        return json.Int(static_cast<int64_t>(number));
      }
      return json.Double(number);
    default:
      return json.Null();
  }
}

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
  Number(key::kHiddenDim, manifest.model().hidden_size(), json);
  Number(key::kKeyDim, manifest.model().key_size(), json);
  Number(key::kTopKLogprobs, extraction.top_k_logprobs(), json);
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
  Text(key::kExperimentType, plan.name, json);
  Text(key::kVariableTested, plan.variable, json);
  Text(key::kModel, manifest.model().name(), json);
  Text(key::kModelSize, ModelSize(manifest.model().parameters()), json);
  Text(key::kArchitecture, manifest.model().mixture_of_experts() ? "MoE" : "dense", json);
  Number(key::kSequenceLength, first.run->prompt_tokens, json);
  Number(key::kDecodeSteps, manifest.decode_steps(), json);
  Text(key::kDecoding, forced ? schema::kForced : schema::kFree, json);
  WriteExtraction(manifest, json);
  Text(key::kDateCreated, date_created, json);
  json.EndObject();
}

// "awq" is "awq-int4", as the plan has it.
std::string QuantizationName(const std::string& method) {
  static const std::map<std::string, std::string> names = {
      {"awq", "awq-int4"}, {"gptq", "gptq-int4"}, {"bnb", "bnb-nf4"}};
  const auto found = names.find(method);
  return found == names.end() ? method : found->second;
}

// All axes but the one that is tested; the CUDA version stands beside them.
void WriteFixedParams(const RunConfig& config, const std::string& variable, JsonWriter& json) {
  json.Key(key::kFixedParams);
  json.StartObject();
  if (variable != "batch_size") Number("batch_size", config.batch_size(), json);
  if (variable != "compile") Flag("compile", config.compile(), json);
  if (variable != "attention_impl") Text("attention_impl", config.attention_impl(), json);
  if (variable != "quant_method") {
    Text("quantization", QuantizationName(config.quant_method()), json);
  }
  if (variable != "tp_size") Number("tp_size", config.tp_size(), json);
  if (variable != "ep_size") Number("ep_size", config.ep_size(), json);
  if (variable != "concurrent_work") Flag("concurrent_streams", config.concurrent_work(), json);
  json.EndObject();
}

void WriteTiming(const RunManifest& manifest, JsonWriter& json) {
  const int count = manifest.repetitions_size();
  std::vector<double> seconds;
  for (const auto& repetition : manifest.repetitions()) {
    seconds.push_back(repetition.runtime_seconds());
  }
  const schema::RunTimes times = schema::MeanAndVariance(seconds);
  json.Key(key::kTiming);
  json.StartObject();
  json.Key(key::kMeanSeconds);
  json.Double(times.mean_seconds);
  json.Key(key::kVariance);
  if (count > 1) {
    json.Double(times.variance);
  } else {
    json.Null();
  }
  Number(key::kRepetitions, count, json);
  json.EndObject();
}

// The manifest's settings, and what else of it can change bits.
std::map<std::string, std::string> Settings(const RunManifest& manifest) {
  std::map<std::string, std::string> settings(manifest.settings().begin(),
                                              manifest.settings().end());
  const schema::DecodingInfo& decoding = manifest.decoding();
  settings.emplace("runner_version", manifest.versions().runner());
  settings.emplace("model", manifest.model().name());
  settings.emplace("model_digest", manifest.model().digest());
  settings.emplace("prompt_token_ids_sha256", manifest.prompt().token_ids_sha256());
  settings.emplace("work_digest", manifest.work_digest());
  if (decoding.forced()) {
    settings.emplace("reference_config_id", decoding.reference_config_id());
    settings.emplace("reference_hardware", decoding.reference_hardware());
    settings.emplace("reference_signals_sha256", decoding.reference_signals_sha256());
  }
  return settings;
}

// How much of the concurrent work ran during inference: the settings "overlap" or "overlap_...".
void WriteOverlap(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kOverlap);
  json.StartObject();
  const std::map<std::string, std::string> settings = Settings(manifest);
  for (const auto& [name, text] : settings) {
    if (!absl::StartsWith(name, key::kOverlap)) continue;
    double number = 0;
    json.Key(name);
    if (absl::SimpleAtod(text, &number) && std::isfinite(number)) {
      json.Double(number);
    } else {
      json.String(text);
    }
  }
  json.EndObject();
}

void WriteSettings(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kSettings);
  json.StartObject();
  for (const auto& [name, value] : Settings(manifest)) Text(name.c_str(), value, json);
  json.EndObject();
}

// One repetition alone has nothing to be compared with.
void WriteReproducible(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kReproducible);
  if (manifest.reproducible() && manifest.repetitions_size() == 1) return json.Null();
  json.Bool(manifest.reproducible());
}

void WriteConfiguration(const ExperimentPlan& plan, const Configuration& configuration,
                        JsonWriter& json) {
  const RunManifest& manifest = configuration.run->manifest;
  json.Break();
  json.StartObject();
  Text(key::kConfigId, configuration.config_id, json);
  Text(key::kHardware, manifest.hardware(), json);
  Text(key::kProvider, manifest.provider(), json);
  json.Key(key::kVariableValue);
  WriteValue(configuration.value, json);
  Text(key::kCudaVersion, manifest.versions().cuda(), json);
  Text(key::kTorchVersion, manifest.versions().torch(), json);
  // No Python takes part in a run.
  for (const char* name :
       {key::kTransformersVersion, key::kFlashAttnVersion, key::kPythonVersion}) {
    json.Key(name);
    json.Null();
  }
  WriteFixedParams(manifest.config(), plan.variable, json);
  Text(key::kDtype, manifest.config().dtype(), json);
  Text(key::kDecoding, Decoding(manifest), json);
  WriteTiming(manifest, json);
  WriteReproducible(manifest, json);
  WriteSettings(manifest, json);
  if (manifest.config().concurrent_work()) WriteOverlap(manifest, json);
  json.EndObject();
}

// One entry of "runs".
absl::Status WriteRun(const Configuration& configuration, const std::string& prompt_text,
                      const schema::RepetitionSummary& summary, JsonWriter& json) {
  json.Break();
  json.StartObject();
  Text(key::kConfigId, configuration.config_id, json);
  Number(key::kRepId, summary.repetition(), json);
  Text(key::kTimestamp, summary.started(), json);
  json.Key(key::kRuntimeSeconds);
  json.Double(summary.runtime_seconds());
  json.Key(key::kPromptText);
  json.String(prompt_text);
  Text(key::kSignalsSha256, summary.signals_sha256(), json);
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

absl::Status WriteRuns(const Configuration& configuration, JsonWriter& json) {
  // The prompt's text is not kept in memory.
  const absl::StatusOr<RunManifest> manifest = configuration.run->directory.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  for (const auto& summary : configuration.run->manifest.repetitions()) {
    absl::Status status = WriteRun(configuration, manifest->prompt().text(), summary, json);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status WriteDocument(const ExperimentPlan& plan, const std::string& date_created,
                           const Progress& progress, JsonWriter& json) {
  json.StartObject();
  Number(key::kSchemaVersion, schema::kSchemaVersion, json);
  json.Break();
  WriteMetadata(plan, date_created, json);
  json.Break();
  json.Key(key::kConfigurations);
  json.StartArray();
  for (const Configuration& configuration : plan.configurations) {
    WriteConfiguration(plan, configuration, json);
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
