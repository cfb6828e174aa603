#include "runner/experiment_spec.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

using schema::ExperimentSpec;

// Keeps the parser's first complaint, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (text_.empty())
      text_ = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The path of a string of `message` that is not UTF-8, which escapes in a textproto can spell;
// empty if there is none.
std::string FieldThatIsNotUtf8(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == field->CPPTYPE_STRING) {
        const std::string text = field->is_repeated()
                                     ? reflection.GetRepeatedString(message, field, i)
                                     : reflection.GetString(message, field);
        if (!google::protobuf::internal::IsStructurallyValidUTF8(text)) return field->name();
      } else if (field->cpp_type() == field->CPPTYPE_MESSAGE) {
        const std::string inner = FieldThatIsNotUtf8(
            field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                 : reflection.GetMessage(message, field));
        if (!inner.empty()) return absl::StrCat(field->name(), ".", inner);
      }
    }
  }
  return "";
}

absl::Status Check(const ExperimentSpec& spec) {
  const auto require = [&spec](bool holds, absl::string_view what) {
    return holds
               ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("experiment '", spec.name(), "': ", what));
  };
  const schema::RunConfig& config = spec.reference_config();
  absl::Status status = require(!spec.name().empty(), "name is missing");
  if (status.ok()) status = require(!spec.variable().empty(), "variable is missing");
  if (status.ok()) status = require(!spec.output_file().empty(), "output_file is missing");
  if (status.ok()) status = require(spec.decode_steps() > 0, "decode_steps must be positive");
  if (status.ok()) status = require(spec.repetitions() > 0, "repetitions must be positive");
  if (status.ok()) status = require(spec.extraction().window() > 0, "window must be positive");
  if (status.ok()) {
    status = require(spec.extraction().top_k_logprobs() > 0, "top_k_logprobs must be positive");
  }
  if (status.ok()) {
    status = require(spec.prompt().document_tokens() > 0, "document_tokens must be positive");
  }
  if (status.ok()) {
    status = require(config.batch_size() > 0 && config.tp_size() > 0 && config.ep_size() > 0,
                     "reference_config: batch_size, tp_size and ep_size must be positive");
  }
  std::set<std::string> suffixes = {spec.reference().config_suffix()};
  for (const schema::VariantSpec& variant : spec.variants()) {
    if (!status.ok()) break;
    status = require(suffixes.insert(variant.config_suffix()).second,
                     absl::StrCat("config_suffix '", variant.config_suffix(), "' occurs twice"));
  }
  if (status.ok()) status = require(suffixes.count("") == 0, "a config_suffix is missing");
  return status;
}

}  // namespace

absl::StatusOr<ExperimentSpec> ParseExperimentSpec(absl::string_view textproto) {
  ExperimentSpec spec;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(textproto), &spec)) {
    return absl::InvalidArgumentError(absl::StrCat("experiment spec: ", error.text()));
  }
  if (const std::string field = FieldThatIsNotUtf8(spec); !field.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("experiment spec: ", field, ": text that is not UTF-8"));
  }
  if (absl::Status status = Check(spec); !status.ok()) return status;
  return spec;
}

std::vector<Configuration> ConfigurationsOf(const ExperimentSpec& spec) {
  const auto configuration = [&spec](const schema::VariantSpec& variant) {
    Configuration result = {variant.value(), variant.config_suffix(), spec.reference_config()};
    result.config.MergeFrom(variant.overrides());
    return result;
  };
  std::vector<Configuration> configurations;
  for (const schema::VariantSpec& variant : spec.variants()) {
    configurations.push_back(configuration(variant));
  }
  if (configurations.empty()) configurations.push_back(configuration(spec.reference()));
  return configurations;
}

bool ComparesFormats(const ExperimentSpec& spec) {
  return std::any_of(spec.variants().begin(), spec.variants().end(),
                     [](const schema::VariantSpec& variant) {
                       return !variant.overrides().quant_method().empty();
                     });
}

absl::StatusOr<schema::ExtractionConfig> ResolveExtraction(
    const schema::ExtractionConfig& extraction, int num_hidden_layers) {
  std::set<int> layers;
  for (const int layer : extraction.layers()) {
    const int resolved = layer < 0 ? num_hidden_layers + layer : layer;
    if (resolved >= 0 && resolved < num_hidden_layers) layers.insert(resolved);
  }
  if (layers.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "none of the layers to extract exists in a model of ", num_hidden_layers, " layers"));
  }
  schema::ExtractionConfig resolved = extraction;
  resolved.clear_layers();
  resolved.mutable_layers()->Add(layers.begin(), layers.end());
  return resolved;
}

}  // namespace forensics::runner
