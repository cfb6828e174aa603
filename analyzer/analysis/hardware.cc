#include "analyzer/analysis/hardware.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "analyzer/reading/json_fields.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

// What the runner puts before the name of a GPU that it emulates.
constexpr absl::string_view kEmulatedPrefix = "emulated:";

struct ReferenceValue {
  const char* variable;
  const char* value;
};

// Experiment 0's value of each variable of the plan; the experiments' names stand for their
// variables in files that confuse the two.
constexpr ReferenceValue kReferenceValues[] = {
    {"none", "baseline"},
    {"batch_size", "1"},
    {"compile", "false"},
    {"quant_method", "awq"},
    {"quantization", "awq"},
    {"attention_impl", "flash_attention_2"},
    {"attention", "flash_attention_2"},
    {"concurrent_work", "false"},
    {"concurrent_streams", "false"},
    {"cuda_version", "default"},
    {"cuda_version", "12.8"},
    {"tp_size", "1"},
    {"tensor_parallel", "1"},
    {"ep_size", "1"},
    {"expert_parallel", "1"},
};

bool IsEmulation(const std::string& label) {
  return absl::StartsWithIgnoreCase(label, kEmulatedPrefix);
}

std::string ValueKey(const Configuration& configuration) {
  return absl::AsciiStrToLower(ScalarText(configuration.variable_value));
}

// The pod's default CUDA has no fixed number, but it is none of the versions under test.
bool IsTestedCudaVersion(const Configuration& configuration) {
  static const auto* const kTested = new std::set<std::string>{"11.8", "12.1", "cu118", "cu121"};
  return kTested->count(ValueKey(configuration)) > 0;
}

const Configuration* ChooseBaseline(const std::string& variable,
                                    const std::vector<const Configuration*>& configurations) {
  for (const ReferenceValue& reference : kReferenceValues) {
    if (variable != reference.variable) continue;
    for (const Configuration* configuration : configurations) {
      if (ValueKey(*configuration) == reference.value) return configuration;
    }
  }
  if (variable == "cuda_version") {
    for (const Configuration* configuration : configurations) {
      if (!IsTestedCudaVersion(*configuration)) return configuration;
    }
  }
  return configurations.front();
}

// Whether `baseline` has another value than experiment 0, where that is known and has one name.
bool IsSubstitute(const std::string& variable, const Configuration& baseline) {
  bool is_known = false;
  for (const ReferenceValue& reference : kReferenceValues) {
    if (variable != reference.variable) continue;
    if (ValueKey(baseline) == reference.value) return false;
    is_known = true;
  }
  return is_known && (variable != "cuda_version" || IsTestedCudaVersion(baseline));
}

// What a GPU's label says beside its name: memory ("40GB") and form ("PCIE"), of which one name has
// several.
std::map<std::string, std::string> StatedProperties(const std::string& label) {
  std::map<std::string, std::string> properties;
  const std::string spelled = absl::AsciiStrToUpper(label);
  for (const absl::string_view word : absl::StrSplit(spelled, absl::ByAnyChar(" -_()"))) {
    if (absl::EndsWith(word, "GB") && word.size() > 2 && absl::ascii_isdigit(word[0])) {
      properties["memory"] = std::string(word);
    }
    for (const absl::string_view form : {"SXM", "PCIE", "NVL"}) {
      if (absl::StartsWith(word, form)) properties["form"] = std::string(form);
    }
  }
  return properties;
}

}  // namespace

std::string HardwareName(const std::string& label) {
  // "h100 pcie" is an H100 too; an emulation is none. The space keeps a name that is all of a label
  // apart from one that is not known.
  const std::string spelled = absl::AsciiStrToUpper(label) + " ";
  const std::string name = schema::ShortHardware(spelled);
  const bool is_known = name != schema::PathPart(spelled);
  return is_known && !IsEmulation(label) ? name : label;
}

std::map<std::string, std::string> HardwareNames(const Experiment& experiment) {
  std::map<std::string, std::string> names;                                   // by label
  std::map<std::pair<std::string, std::string>, std::set<std::string>> said;  // by name, property
  std::set<std::string> contradicted;                                         // names
  for (const Configuration& configuration : experiment.configurations) {
    const std::string& label = configuration.hardware;
    const auto [entry, is_new] = names.try_emplace(label, HardwareName(label));
    if (!is_new) continue;
    for (const auto& [property, value] : StatedProperties(label)) {
      std::set<std::string>& values = said[{entry->second, property}];
      values.insert(value);
      if (values.size() > 1) contradicted.insert(entry->second);
    }
  }
  for (auto& [label, name] : names) {
    if (contradicted.count(name) > 0) name = label;
  }
  return names;
}

std::optional<std::string> EmulatedGpu(const std::string& label) {
  if (!IsEmulation(label)) return std::nullopt;
  return HardwareName(label.substr(kEmulatedPrefix.size()));
}

bool IsOwnEmulation(const std::string& a, const std::string& b) {
  const std::optional<std::string> gpu_a = EmulatedGpu(a), gpu_b = EmulatedGpu(b);
  if (!gpu_a.has_value() && !gpu_b.has_value()) return false;
  return gpu_a.value_or(HardwareName(a)) == gpu_b.value_or(HardwareName(b));
}

std::map<std::string, std::string> ArithmeticNames(const Experiment& experiment) {
  const std::map<std::string, std::string> names = HardwareNames(experiment);
  std::map<std::string, std::string> arithmetic = names;
  for (auto& [label, name] : arithmetic) {
    if (!IsEmulation(label)) continue;
    for (const auto& [other, other_name] : names) {
      if (IsEmulation(other) || !IsOwnEmulation(label, other)) continue;
      name = other_name;
      break;
    }
  }
  return arithmetic;
}

std::vector<std::string> SharedNames(const Experiment& experiment) {
  std::map<std::string, std::vector<std::string>> labels;  // by name
  for (const auto& [label, name] : HardwareNames(experiment)) labels[name].push_back(label);
  std::vector<std::string> lines;
  for (const auto& [name, sharing] : labels) {
    if (sharing.size() < 2) continue;
    lines.push_back(absl::StrCat(name, ": taken for one hardware: ", absl::StrJoin(sharing, ", ")));
  }
  return lines;
}

std::vector<HardwareGroup> GroupByHardware(const Experiment& experiment) {
  const std::map<std::string, std::string> names = HardwareNames(experiment);
  std::vector<HardwareGroup> groups;
  std::set<std::string> ids;
  for (const Configuration& configuration : experiment.configurations) {
    if (!ids.insert(configuration.config_id).second) continue;
    const std::string& name = names.at(configuration.hardware);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const HardwareGroup& g) { return g.name == name; });
    if (group == groups.end())
      group = groups.insert(groups.end(), HardwareGroup{name, {}, nullptr});
    group->configurations.push_back(&configuration);
  }
  for (HardwareGroup& group : groups) {
    group.baseline = ChooseBaseline(experiment.variable, group.configurations);
    group.baseline_is_substitute = IsSubstitute(experiment.variable, *group.baseline);
  }
  return groups;
}

}  // namespace forensics::analyzer
