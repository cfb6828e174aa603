#include "schema/testing/synthetic_experiment.h"

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"

namespace forensics::schema {
namespace {

google::protobuf::Value Number(double number) {
  google::protobuf::Value value;
  value.set_number_value(number);
  return value;
}

google::protobuf::Value Bool(bool boolean) {
  google::protobuf::Value value;
  value.set_bool_value(boolean);
  return value;
}

google::protobuf::Value Text(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return value;
}

struct Row {
  google::protobuf::Value value;
  std::string suffix;
  std::function<void(RunConfig&)> override_config;
};

struct Definition {
  std::string name;
  std::string variable;
  std::vector<Row> rows;  // the reference's first
};

const std::vector<Definition>& Definitions() {
  static const auto* definitions = new std::vector<Definition>{
      {"batch_size",
       "batch_size",
       {{Number(1), "bs1", nullptr},
        {Number(2), "bs2", [](RunConfig& c) { c.set_batch_size(2); }},
        {Number(4), "bs4", [](RunConfig& c) { c.set_batch_size(4); }}}},
      {"compile",
       "compile",
       {{Bool(false), "uncompiled", nullptr},
        {Bool(true), "compiled", [](RunConfig& c) { c.set_compile(true); }}}},
      {"quantization",
       "quant_method",
       {{Text("awq"), "awq", nullptr},
        {Text("gptq"), "gptq", [](RunConfig& c) { c.set_quant_method("gptq"); }},
        {Text("bnb"), "bnb", [](RunConfig& c) { c.set_quant_method("bnb"); }}}},
      {"attention",
       "attention_impl",
       {{Text("flash_attention_2"), "fa2", nullptr},
        {Text("eager"), "eager", [](RunConfig& c) { c.set_attention_impl("eager"); }}}},
      {"concurrent_streams",
       "concurrent_work",
       {{Bool(false), "single_stream", nullptr},
        {Bool(true), "concurrent", [](RunConfig& c) { c.set_concurrent_work(true); }}}},
      {"cuda_version",
       "cuda_version",
       {{Text("default"), "cu128", nullptr},
        {Text("11.8"), "cu118", [](RunConfig& c) { c.set_cuda_version("11.8"); }},
        {Text("12.1"), "cu121", [](RunConfig& c) { c.set_cuda_version("12.1"); }}}},
      {"tensor_parallel",
       "tp_size",
       {{Number(1), "tp1", nullptr},
        {Number(2), "tp2", [](RunConfig& c) { c.set_tp_size(2); }},
        {Number(4), "tp4", [](RunConfig& c) { c.set_tp_size(4); }}}},
      {"expert_parallel",
       "ep_size",
       {{Number(1), "ep1", nullptr},
        {Number(2), "ep2", [](RunConfig& c) { c.set_ep_size(2); }},
        {Number(4), "ep4", [](RunConfig& c) { c.set_ep_size(4); }}}}};
  return *definitions;
}

RunConfig ReferenceConfig() {
  RunConfig config;
  config.set_batch_size(1);
  config.set_quant_method("awq");
  config.set_attention_impl("flash_attention_2");
  config.set_cuda_version("default");
  config.set_tp_size(1);
  config.set_ep_size(1);
  config.set_dtype("float32");
  config.set_device("cuda");
  return config;
}

VariantSpec Variant(const Row& row) {
  VariantSpec variant;
  *variant.mutable_value() = row.value;
  variant.set_config_suffix(row.suffix);
  if (row.override_config) row.override_config(*variant.mutable_overrides());
  return variant;
}

ExperimentSpec ReferenceLike(absl::string_view name) {
  ExperimentSpec spec;
  spec.set_name(std::string(name));
  const bool is_reference = name == "reference";
  spec.set_variable(is_reference ? "none" : std::string(name));
  spec.set_output_file(is_reference ? "reference_baseline.json"
                                    : absl::StrCat(name, "_experiment.json"));
  *spec.mutable_reference() = Variant({Text("baseline"), "reference", nullptr});
  *spec.mutable_reference_config() = ReferenceConfig();
  return spec;
}

}  // namespace

const std::vector<std::string>& SyntheticExperimentNames() {
  static const auto* names = [] {
    auto* all = new std::vector<std::string>;
    for (const Definition& definition : Definitions()) all->push_back(definition.name);
    return all;
  }();
  return *names;
}

ExperimentSpec SyntheticExperiment(absl::string_view name) {
  ExperimentSpec spec = ReferenceLike(name);
  const std::vector<Definition>& all = Definitions();
  const auto found = std::find_if(all.begin(), all.end(), [name](const Definition& definition) {
    return definition.name == name;
  });
  if (found == all.end()) return spec;
  spec.set_id(static_cast<int>(found - all.begin()) + 1);
  spec.set_variable(found->variable);
  *spec.mutable_reference() = Variant(found->rows.front());
  for (size_t i = 1; i < found->rows.size(); ++i) *spec.add_variants() = Variant(found->rows[i]);
  return spec;
}

}  // namespace forensics::schema
