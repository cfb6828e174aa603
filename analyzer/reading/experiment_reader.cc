#include "analyzer/reading/experiment_reader.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/json_cursor.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/reading/runs_reader.h"
#include "analyzer/reading/step_numbers.h"
#include "schema/experiment_json.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

absl::Status ReadInts(JsonCursor& cursor, std::vector<int>& field) {
  std::vector<int64_t> numbers;
  if (absl::Status status = ReadField(cursor, numbers); !status.ok()) return status;
  for (const int64_t number : numbers) {
    if (number != static_cast<int>(number)) return cursor.Error("a number beyond 32 bits");
    field.push_back(static_cast<int>(number));
  }
  return absl::OkStatus();
}

// Calls `use` with the scalar that comes next; objects and arrays are passed over.
absl::Status ReadScalarOrSkip(JsonCursor& cursor,
                              absl::FunctionRef<void(const JsonScalar& scalar)> use) {
  const JsonCursor::Kind kind = cursor.Peek();
  if (kind == JsonCursor::Kind::kObject || kind == JsonCursor::Kind::kArray) return cursor.Skip();
  const absl::StatusOr<JsonScalar> scalar = cursor.ReadScalar();
  if (scalar.ok()) use(*scalar);
  return scalar.status();
}

bool IsFact(const std::string& key) {
  return key == "model" || key == "model_size" || key == "architecture" || key == "sequence_length";
}

absl::Status ReadMetadata(JsonCursor& cursor, Experiment& experiment) {
  const auto extraction = [&](const std::string& key) {
    if (key == "layers") return ReadInts(cursor, experiment.layers);
    if (key == "positions") return ReadInts(cursor, experiment.positions);
    return cursor.Skip();
  };
  return ReadObjectOrNull(cursor, [&](const std::string& key) {
    if (key == "experiment_type") return ReadField(cursor, experiment.type);
    if (key == "variable_tested") return ReadField(cursor, experiment.variable);
    if (key == "decode_steps") return ReadField(cursor, experiment.decode_steps);
    if (key == "extraction_config") return ReadObjectOrNull(cursor, extraction);
    if (!IsFact(key)) return cursor.Skip();
    return ReadScalarOrSkip(cursor, [&](const JsonScalar& scalar) {
      if (std::holds_alternative<std::monostate>(scalar)) return;
      experiment.facts[key] = ScalarText(scalar);
    });
  });
}

absl::Status ReadCircumstance(JsonCursor& cursor, const std::string& name,
                              Configuration& configuration) {
  return ReadScalarOrSkip(cursor, [&](const JsonScalar& scalar) {
    if (std::holds_alternative<std::monostate>(scalar)) return;
    configuration.circumstances[name] = ScalarText(scalar);
  });
}

bool IsCircumstance(const std::string& key) {
  static const auto* const kKeys =
      new std::set<std::string>{"cuda_version",       "torch_version",  "transformers_version",
                                "flash_attn_version", "python_version", "dtype",
                                "world_size"};
  return kKeys->count(key) > 0;
}

absl::Status ReadConfiguration(JsonCursor& cursor, Experiment& experiment) {
  if (experiment.configurations.size() >= kMostConfigurations) {
    return cursor.Error(absl::StrCat("more than ", kMostConfigurations, " configurations"));
  }
  Configuration configuration;
  const auto timing = [&](const std::string& key) {
    if (key == "mean_seconds") return ReadField(cursor, configuration.mean_seconds);
    return cursor.Skip();
  };
  const auto settings = [&](const std::string& key) {
    if (key == "reference_signals_sha256") {
      return ReadField(cursor, configuration.reference_signals_sha256);
    }
    return ReadCircumstance(cursor, "settings." + key, configuration);
  };
  const auto fixed_params = [&](const std::string& key) {
    return ReadCircumstance(cursor, "fixed_params." + key, configuration);
  };
  const auto overlap = [&](const std::string& key) {
    return ReadScalarOrSkip(cursor,
                            [&](const JsonScalar& scalar) { configuration.overlap[key] = scalar; });
  };
  std::string decoding;
  const auto member = [&](const std::string& key) {
    if (key == "config_id") return ReadField(cursor, configuration.config_id);
    if (key == "hardware") return ReadField(cursor, configuration.hardware);
    if (key == "reproducible") return ReadField(cursor, configuration.reproducible);
    if (key == "timing") return ReadObjectOrNull(cursor, timing);
    if (key == "decoding") return ReadField(cursor, decoding);
    if (key == "settings") return ReadObjectOrNull(cursor, settings);
    if (key == "fixed_params") return ReadObjectOrNull(cursor, fixed_params);
    if (key == "overlap" && cursor.Peek() == JsonCursor::Kind::kObject) {
      return cursor.ReadObject(overlap);
    }
    if (IsCircumstance(key)) return ReadCircumstance(cursor, key, configuration);
    if (key != "variable_value") return cursor.Skip();
    absl::StatusOr<JsonScalar> value = cursor.ReadScalar();
    if (value.ok()) configuration.variable_value = *std::move(value);
    return value.status();
  };
  if (absl::Status status = cursor.ReadObject(member); !status.ok()) return status;
  if (configuration.config_id.empty()) return cursor.Error("a configuration without a config_id");
  configuration.forced = decoding == "forced";
  experiment.configurations.push_back(std::move(configuration));
  return absl::OkStatus();
}

absl::Status ReadSchemaVersion(JsonCursor& cursor) {
  std::optional<int64_t> version;
  if (absl::Status status = ReadField(cursor, version); !status.ok()) return status;
  if (version.value_or(0) <= schema::kSchemaVersion) return absl::OkStatus();
  return cursor.Error(absl::StrCat("version ", *version,
                                   ": the file was written by a later version of this software; "
                                   "this one reads files up to version ",
                                   schema::kSchemaVersion));
}

}  // namespace

absl::StatusOr<Experiment> ReadExperiment(const std::string& path, const ReadOptions& options) {
  absl::StatusOr<std::unique_ptr<JsonCursor>> opened = JsonCursor::Open(path, options.budget);
  if (!opened.ok()) return opened.status();
  JsonCursor& cursor = **opened;
  Experiment experiment;
  experiment.path = path;
  schema::ExperimentChecker checker;
  cursor.set_checker(&checker);
  std::set<std::string> keys;
  const auto member = [&](const std::string& key) -> absl::Status {
    keys.insert(key);
    if (key == "schema_version") return ReadSchemaVersion(cursor);
    if (key == "experiment_metadata") return ReadMetadata(cursor, experiment);
    if (key == "configurations") {
      return ReadArrayOrNull(cursor, [&] { return ReadConfiguration(cursor, experiment); });
    }
    if (key != "runs") return cursor.Skip();
    return ReadRuns(cursor, checker, options, experiment);
  };
  absl::Status status = cursor.ReadObject(member);
  const size_t end = cursor.Tell();
  if (status.ok()) status = cursor.Finish();
  if (!status.ok()) return status;
  if (experiment.type.empty()) {
    return cursor.ErrorOfWhole(end,
                               "no experiment_metadata.experiment_type: not an experiment file");
  }
  for (const char* key : {"configurations", "runs"}) {
    if (keys.count(key) > 0) continue;
    return cursor.ErrorOfWhole(end, absl::StrCat("the key '", key, "' is missing"));
  }
  if (!checker.status().ok()) {
    experiment.findings.push_back(
        absl::StrCat("not as experiment_schema.json says: ", checker.status().message()));
  }
  NumberStepsFromZero(experiment);
  experiment.share = std::make_shared<BudgetShare>(std::move(cursor.share()));
  return experiment;
}

}  // namespace forensics::analyzer
