#include "collector/configuration_writer.h"

#include <cmath>
#include <map>
#include <vector>

#include "schema/experiment_json.h"
#include "schema/rank_join.h"
#include "schema/run_times.h"

namespace forensics::collector {
namespace {

namespace key = schema::key;
using schema::RunConfig;
using schema::RunManifest;

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
  if (variable != "batch_size") json.Number("batch_size", config.batch_size());
  if (variable != "compile") json.Flag("compile", config.compile());
  if (variable != "attention_impl") json.Text("attention_impl", config.attention_impl());
  if (variable != "quant_method") {
    json.Text("quantization", QuantizationName(config.quant_method()));
  }
  if (variable != "tp_size") json.Number("tp_size", config.tp_size());
  if (variable != "ep_size") json.Number("ep_size", config.ep_size());
  if (variable != "concurrent_work") json.Flag("concurrent_streams", config.concurrent_work());
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
  json.Number(key::kRepetitions, count);
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

void WriteSettings(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kSettings);
  json.StartObject();
  for (const auto& [name, value] : Settings(manifest)) json.Text(name.c_str(), value);
  json.EndObject();
}

// One repetition alone has nothing to be compared with.
void WriteReproducible(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kReproducible);
  if (manifest.reproducible() && manifest.repetitions_size() == 1) return json.Null();
  json.Bool(manifest.reproducible());
}

// Which kernels ran, with the shapes they were given.
void WriteKernels(const RunManifest& manifest, JsonWriter& json) {
  json.Key(key::kKernels);
  json.StartArray();
  for (const schema::KernelUse& use : manifest.kernels()) {
    json.StartObject();
    json.Text(key::kPhase, use.phase());
    json.Text(key::kKernel, use.kernel());
    json.Text(key::kOperands, use.operands());
    json.Number(key::kCalls, use.calls());
    json.Number(key::kMinRows, use.min_rows());
    json.Number(key::kMaxRows, use.max_rows());
    json.EndObject();
  }
  json.EndArray();
  json.Key(key::kOtherShapes);
  json.StartArray();
  for (const std::string& shape : manifest.other_shapes()) json.String(shape);
  json.EndArray();
}

double Share(double overlap_seconds, double inference_seconds) {
  return inference_seconds > 0 ? overlap_seconds / inference_seconds : 0;
}

// The shards alone hold the intervals.
absl::Status WriteIntervals(const Run& run, int repetition, JsonWriter& json) {
  const absl::StatusOr<schema::Repetition> stored = ReadRepetition(run, repetition);
  if (!stored.ok()) return stored.status();
  json.Key(key::kIntervals);
  json.StartArray();
  for (const schema::TimeInterval& interval : stored->footer.background_load().intervals()) {
    json.StartArray();
    json.Double(interval.begin());
    json.Double(interval.end());
    json.EndArray();
  }
  json.EndArray();
  return absl::OkStatus();
}

absl::Status WriteLoad(const Run& run, const schema::RepetitionSummary& summary, JsonWriter& json) {
  const schema::BackgroundLoad& load = summary.background_load();
  json.StartObject();
  json.Number(key::kRepId, summary.repetition());
  json.Real(key::kUtilisation, load.utilisation());
  json.Real(key::kInferenceSeconds, load.inference_seconds());
  json.Real(key::kOverlapSeconds, load.overlap_seconds());
  json.Real(key::kOverlapShare, Share(load.overlap_seconds(), load.inference_seconds()));
  json.Number(key::kProducts, load.products());
  absl::Status status;
  if (summary.stored()) status = WriteIntervals(run, summary.repetition(), json);
  json.EndObject();
  return status;
}

// How much of the concurrent work ran while inference ran.
absl::Status WriteOverlap(const Run& run, JsonWriter& json) {
  const auto& repetitions = run.manifest.repetitions();
  double utilisation = 0, overlap_seconds = 0, inference_seconds = 0;
  for (const schema::RepetitionSummary& summary : repetitions) {
    utilisation += summary.background_load().utilisation() / repetitions.size();
    overlap_seconds += summary.background_load().overlap_seconds();
    inference_seconds += summary.background_load().inference_seconds();
  }
  const schema::BackgroundLoad& load = repetitions[0].background_load();
  json.Key(key::kOverlap);
  json.StartObject();
  json.Text(key::kKernel, load.kernel());
  json.Number(key::kWorkers, load.workers());
  json.Real(key::kTargetUtilisation, load.target_utilisation());
  json.Real(key::kUtilisation, utilisation);
  json.Real(key::kOverlapShare, Share(overlap_seconds, inference_seconds));
  json.Key(key::kRepetitions);
  json.StartArray();
  for (const schema::RepetitionSummary& summary : repetitions) {
    if (absl::Status status = WriteLoad(run, summary, json); !status.ok()) return status;
  }
  json.EndArray();
  json.EndObject();
  return absl::OkStatus();
}

}  // namespace

const char* Decoding(const RunManifest& manifest) {
  return manifest.decoding().forced() ? schema::kForced : schema::kFree;
}

absl::Status WriteConfiguration(const std::string& variable, const Configuration& configuration,
                                JsonWriter& json) {
  const RunManifest& manifest = configuration.run->manifest;
  json.Break();
  json.StartObject();
  json.Text(key::kConfigId, configuration.config_id);
  json.Text(key::kHardware, manifest.hardware());
  json.Text(key::kProvider, manifest.provider());
  json.Key(key::kVariableValue);
  WriteValue(configuration.value, json);
  json.Text(key::kCudaVersion, manifest.versions().cuda());
  json.Text(key::kTorchVersion, manifest.versions().torch());
  // No Python takes part in a run.
  for (const char* name :
       {key::kTransformersVersion, key::kFlashAttnVersion, key::kPythonVersion}) {
    json.Key(name);
    json.Null();
  }
  WriteFixedParams(manifest.config(), variable, json);
  json.Text(key::kDtype, manifest.config().dtype());
  json.Text(key::kDecoding, Decoding(manifest));
  WriteTiming(manifest, json);
  WriteReproducible(manifest, json);
  json.Number(key::kWorldSize, schema::WorldSize(manifest.config()));
  WriteSettings(manifest, json);
  WriteKernels(manifest, json);
  if (manifest.config().concurrent_work()) {
    absl::Status status = WriteOverlap(*configuration.run, json);
    if (!status.ok()) return status;
  }
  json.EndObject();
  return json.status();
}

}  // namespace forensics::collector
