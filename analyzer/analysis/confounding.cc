#include "analyzer/analysis/confounding.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::analyzer {
namespace {

using Circumstances = std::map<std::string, std::string>;

bool BearsOnBits(const std::string& name) {
  static const auto* const kNever = new std::set<std::string>{
      "settings.work_digest", "settings.runner_version", "settings.reference_config_id",
      "settings.reference_hardware", "settings.reference_signals_sha256"};
  return kNever->count(name) == 0;
}

// What a variable changes by itself; the experiments' names stand for their variables in files that
// confuse the two.
bool FollowsFrom(const std::string& variable, const std::string& name) {
  static const auto* const kFollows = new std::set<std::pair<std::string, std::string>>{
      {"quant_method", "settings.model"},
      {"quant_method", "settings.model_digest"},
      {"quantization", "settings.model"},
      {"quantization", "settings.model_digest"},
      {"attention_impl", "settings.attention_kernel"},
      {"attention", "settings.attention_kernel"},
      {"cuda_version", "settings.cuda_runtime"},
      {"cuda_version", "settings.cublas"},
      {"cuda_version", "settings.cublas_lt"},
      {"cuda_version", "settings.cudnn"},
      {"cuda_version", "settings.nccl"},
      {"tp_size", "world_size"},
      {"tensor_parallel", "world_size"},
      {"ep_size", "world_size"},
      {"expert_parallel", "world_size"}};
  return name == variable || name == "fixed_params." + variable ||
         kFollows->count({variable, name}) > 0;
}

std::string ValueOf(const Circumstances& circumstances, const std::string& name) {
  const auto found = circumstances.find(name);
  return found == circumstances.end() ? "" : found->second;
}

bool BelongsToTheVariant(const Circumstances& baseline, const std::string& name) {
  return baseline.count(name) == 0 && absl::StartsWith(name, "settings.") &&
         !absl::StartsWith(name, "settings.env.");
}

// Configurations by name of what differs and by value: the baselines' first, then as listed.
using ByValue = std::vector<std::pair<std::string, std::vector<std::string>>>;

void AddTo(ByValue& by_value, const std::string& value, const std::string& config_id) {
  auto found = std::find_if(by_value.begin(), by_value.end(),
                            [&value](const auto& entry) { return entry.first == value; });
  if (found == by_value.end()) found = by_value.insert(found, {value, {}});
  std::vector<std::string>& ids = found->second;
  if (std::find(ids.begin(), ids.end(), config_id) == ids.end()) ids.push_back(config_id);
}

std::string Describe(const ByValue& by_value) {
  std::vector<std::string> parts;
  for (const auto& [value, ids] : by_value) {
    parts.push_back(
        absl::StrCat(value.empty() ? "not said" : value, " in ", absl::StrJoin(ids, ", ")));
  }
  return absl::StrJoin(parts, "; ");
}

}  // namespace

std::vector<OtherDifference> OtherDifferences(const std::string& variable,
                                              const Configuration& baseline,
                                              const Configuration& variant) {
  std::set<std::string> names;
  for (const Configuration* configuration : {&baseline, &variant}) {
    for (const auto& [name, value] : configuration->circumstances) names.insert(name);
  }
  std::vector<OtherDifference> differences;
  for (const std::string& name : names) {
    if (!BearsOnBits(name) || FollowsFrom(variable, name) ||
        BelongsToTheVariant(baseline.circumstances, name)) {
      continue;
    }
    OtherDifference difference{name, ValueOf(baseline.circumstances, name),
                               ValueOf(variant.circumstances, name)};
    if (difference.baseline != difference.variant) differences.push_back(std::move(difference));
  }
  return differences;
}

std::vector<std::string> Confounding(const std::string& variable,
                                     const std::vector<HardwareGroup>& groups) {
  std::map<std::string, ByValue> by_name;
  for (const HardwareGroup& group : groups) {
    for (const Configuration* variant : group.configurations) {
      for (const OtherDifference& difference :
           OtherDifferences(variable, *group.baseline, *variant)) {
        ByValue& by_value = by_name[difference.name];
        AddTo(by_value, difference.baseline, group.baseline->config_id);
        AddTo(by_value, difference.variant, variant->config_id);
      }
    }
  }
  std::vector<std::string> lines;
  for (const auto& [name, by_value] : by_name) {
    lines.push_back(absl::StrCat(variable, " is confounded with ", name, ": ", Describe(by_value)));
  }
  // Versions before settings: the first lines are what a summary has room for.
  std::stable_partition(lines.begin(), lines.end(), [](const std::string& line) {
    return !absl::StrContains(line, " with settings.");
  });
  return lines;
}

}  // namespace forensics::analyzer
