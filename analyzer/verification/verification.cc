#include "analyzer/verification/verification.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/verification/partings.h"

namespace forensics::analyzer {
namespace {

// Those with values before those with a digest alone, which says less of where they part.
std::vector<const RunRecord*> RunsOf(const Experiment& experiment, const Configuration& of) {
  std::vector<const RunRecord*> runs;
  for (const RunRecord& run : experiment.runs) {
    if (run.config_id == of.config_id) runs.push_back(&run);
  }
  std::stable_sort(runs.begin(), runs.end(), [](const RunRecord* a, const RunRecord* b) {
    return std::pair(!a->stored(), a->rep_id) < std::pair(!b->stored(), b->rep_id);
  });
  return runs;
}

const RunRecord* FirstStored(const std::vector<const RunRecord*>& runs) {
  return runs.empty() || !runs.front()->stored() ? nullptr : runs.front();
}

bool HaveOtherPrompts(const RunRecord& a, const RunRecord& b) {
  return a.prompt_text.has_value() && b.prompt_text.has_value() && a.prompt_text != b.prompt_text;
}

bool BothHaveDigests(const RunRecord& a, const RunRecord& b) {
  return !a.signals_sha256.empty() && !b.signals_sha256.empty();
}

// One repetition of the claim; the place where it parts, if it does.
std::optional<std::string> Parting(const RunRecord& claimed, const RunRecord& recomputed,
                                   Verification& verification) {
  if (claimed.stored()) {
    const Partings partings = FindPartings(claimed, recomputed);
    verification.values = partings.values;
    verification.vectors = partings.vectors;
    verification.parted_vectors = partings.parted_vectors;
    if (partings.first.has_value()) return partings.first;
  }
  if (BothHaveDigests(claimed, recomputed) && claimed.signals_sha256 != recomputed.signals_sha256) {
    return absl::StrCat(
        claimed.stored() ? "the stored values agree, but " : "no values stored, and ",
        "signals_sha256 is ", claimed.signals_sha256, ", recomputed ", recomputed.signals_sha256);
  }
  return std::nullopt;
}

// Of the claim's repetitions, one of which nothing can be held against `recomputed`; or null.
const RunRecord* FirstWithoutBits(const std::vector<const RunRecord*>& claimed,
                                  const RunRecord& recomputed) {
  const auto found = std::find_if(claimed.begin(), claimed.end(), [&](const RunRecord* run) {
    return !run->stored() && !BothHaveDigests(*run, recomputed);
  });
  return found == claimed.end() ? nullptr : *found;
}

Verification Compare(const Experiment& claimed, const Configuration& claim,
                     const Experiment& recomputed, const Configuration& recomputation) {
  Verification verification;
  verification.claimed = &claim;
  verification.recomputed = &recomputation;
  verification.notes = HardwareNotes(claim.hardware, recomputation.hardware);
  const std::vector<const RunRecord*> runs = RunsOf(claimed, claim);
  verification.claimed_repetitions = static_cast<int64_t>(runs.size());
  const RunRecord* again = FirstStored(RunsOf(recomputed, recomputation));
  const RunRecord* first = FirstStored(runs);
  if (first == nullptr || again == nullptr) {
    verification.reason =
        absl::StrCat("no repetition of the ", first == nullptr ? "claim" : "recomputation",
                     " is stored with its values");
    return verification;
  }
  verification.statements = CompareStatements(claimed, claim, recomputed, recomputation);
  for (const RunRecord* run : runs) AddRunStatements(*run, *again, verification.statements);
  verification.verdict = Verdict::kEqual;
  for (const RunRecord* run : runs) {
    const auto parting = Parting(*run, *again, verification);
    if (!parting.has_value()) continue;
    if (HaveOtherPrompts(*run, *again)) {
      verification.verdict = Verdict::kNotComparable;
      verification.reason = "other prompts";
      return verification;
    }
    verification.verdict = Verdict::kParted;
    verification.reason = absl::StrCat("repetition ", run->rep_id, ", ", *parting);
    return verification;
  }
  if (verification.values == 0) {
    verification.verdict = Verdict::kNotComparable;
    verification.reason = "neither stores a value";
  } else if (!verification.statements.contradictions.empty()) {
    verification.verdict = Verdict::kContradicted;
  } else if (const RunRecord* left = FirstWithoutBits(runs, *again); left != nullptr) {
    verification.verdict = Verdict::kNotComparable;
    verification.reason =
        absl::StrCat("repetition ", left->rep_id, " has neither values nor a digest to compare");
  }
  return verification;
}

const Configuration* FindById(const Experiment& experiment, const std::string& id) {
  for (const Configuration& configuration : experiment.configurations) {
    if (configuration.config_id == id) return &configuration;
  }
  return nullptr;
}

std::vector<const Configuration*> WithValue(const Experiment& experiment,
                                            const std::string& value) {
  std::vector<const Configuration*> found;
  for (const Configuration& configuration : experiment.configurations) {
    if (ScalarText(configuration.variable_value) == value) found.push_back(&configuration);
  }
  return found;
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kEqual:
      return "equal";
    case Verdict::kParted:
      return "parted";
    case Verdict::kContradicted:
      return "contradicted";
    case Verdict::kNotComparable:
      return "not comparable";
  }
  return "";
}

VerifiedExperiment VerifyExperiment(const Experiment& claimed, const Experiment& recomputed,
                                    const VerifyChoice& choice) {
  VerifiedExperiment result;
  if (!choice.claimed_config.empty()) {
    const Configuration* claim = FindById(claimed, choice.claimed_config);
    const Configuration* again = FindById(recomputed, choice.recomputed_config);
    for (const auto& [configuration, id, path] :
         {std::tuple{claim, choice.claimed_config, claimed.path},
          {again, choice.recomputed_config, recomputed.path}}) {
      if (configuration != nullptr) continue;
      result.not_recomputed.push_back(absl::StrCat(path, ": no configuration ", id));
    }
    if (result.not_recomputed.empty()) {
      result.verifications.push_back(Compare(claimed, *claim, recomputed, *again));
    }
    return result;
  }
  for (const Configuration& claim : claimed.configurations) {
    const std::string value = ScalarText(claim.variable_value);
    const size_t of_claim = WithValue(claimed, value).size();
    const std::vector<const Configuration*> found = WithValue(recomputed, value);
    if (of_claim == 1 && found.size() == 1) {
      result.verifications.push_back(Compare(claimed, claim, recomputed, *found[0]));
      continue;
    }
    result.not_recomputed.push_back(absl::StrCat(
        claim.config_id, " (", claimed.variable, "=", value, "): ",
        found.empty()
            ? "not recomputed"
            : absl::StrCat("the claim has ", of_claim, " and the recomputation ", found.size(),
                           " configurations with this value; name one of each with "
                           "--claimed_config and --recomputed_config")));
  }
  return result;
}

}  // namespace forensics::analyzer
