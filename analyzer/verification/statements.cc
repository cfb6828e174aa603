#include "analyzer/verification/statements.h"

#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/analysis/hardware.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

using Facts = std::map<std::string, std::string>;

bool IsOfTheRun(const std::string& circumstance) {
  static const auto* const kNames = new std::set<std::string>{"dtype",
                                                              "world_size",
                                                              "settings.decode_graph",
                                                              "settings.model",
                                                              "settings.model_digest",
                                                              "settings.prompt_token_ids_sha256"};
  return kNames->count(circumstance) > 0 || absl::StartsWith(circumstance, "fixed_params.");
}

// Names as the file has them; what is not stated is not there.
Facts FactsOf(const Experiment& experiment, const Configuration& configuration) {
  Facts facts;
  for (const auto& [name, value] : experiment.facts) {
    facts["experiment_metadata." + name] = value;
  }
  facts["experiment_metadata.experiment_type"] = experiment.type;
  facts["extraction_config.layers"] = absl::StrJoin(experiment.layers, " ");
  facts["extraction_config.positions"] = absl::StrJoin(experiment.positions, " ");
  if (experiment.decode_steps.has_value()) {
    facts["experiment_metadata.decode_steps"] = absl::StrCat(*experiment.decode_steps);
  }
  facts["variable_value"] = ScalarText(configuration.variable_value);
  facts["settings.reference_signals_sha256"] = configuration.reference_signals_sha256;
  for (const auto& [name, value] : configuration.circumstances) {
    if (IsOfTheRun(name)) facts[name] = value;
  }
  return facts;
}

std::string Stated(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? "" : found->second;
}

void AddUnchecked(const std::string& name, bool is_claimed, Statements& statements) {
  statements.unchecked.push_back(
      absl::StrCat(name, ": not stated by the ", is_claimed ? "recomputation" : "claim"));
}

}  // namespace

Statements CompareStatements(const Experiment& claimed, const Configuration& claim,
                             const Experiment& recomputed, const Configuration& recomputation) {
  const Facts a = FactsOf(claimed, claim), b = FactsOf(recomputed, recomputation);
  Facts names = a;
  names.insert(b.begin(), b.end());
  Statements statements;
  for (const auto& [name, _] : names) {
    const std::string in_a = Stated(a, name), in_b = Stated(b, name);
    if (in_a == in_b) continue;
    if (in_a.empty() || in_b.empty()) {
      AddUnchecked(name, !in_a.empty(), statements);
      continue;
    }
    statements.contradictions.push_back(absl::StrCat(name, ": ", in_a, ", recomputed with ", in_b));
  }
  return statements;
}

void AddRunStatements(const RunRecord& claimed, const RunRecord& recomputed,
                      Statements& statements) {
  const std::string of = absl::StrCat(" of repetition ", claimed.rep_id);
  if (claimed.prompt_text.has_value() != recomputed.prompt_text.has_value()) {
    AddUnchecked("prompt_text" + of, claimed.prompt_text.has_value(), statements);
  } else if (claimed.prompt_text != recomputed.prompt_text) {
    statements.contradictions.push_back(absl::StrCat("prompt_text", of, ": another text"));
  }
  if (claimed.signals_sha256.empty() != recomputed.signals_sha256.empty()) {
    AddUnchecked("signals_sha256" + of, !claimed.signals_sha256.empty(), statements);
  }
  if (!claimed.stored() && claimed.signals_sha256.empty()) {
    statements.unchecked.push_back(
        absl::StrCat("bits", of, ": the claim has neither its values nor their digest"));
  }
}

std::vector<std::string> HardwareNotes(const std::string& claimed, const std::string& recomputed) {
  const std::optional<std::string> gpu = EmulatedGpu(recomputed);
  if (!gpu.has_value()) {
    return {absl::StrCat("the recomputation is not emulated: its hardware is ", recomputed)};
  }
  const std::string of_claim = EmulatedGpu(claimed).value_or(HardwareName(claimed));
  if (HardwareName(of_claim) == HardwareName(*gpu)) return {};
  return {absl::StrCat("the recomputation is of another GPU than the claim's: ", *gpu, ", claimed ",
                       of_claim)};
}

}  // namespace forensics::analyzer
