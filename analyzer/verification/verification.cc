#include "analyzer/verification/verification.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "analyzer/comparison/bit_changes.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

constexpr char kModelDigest[] = "settings.model_digest";

uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

// Log-probs come after all layers of their position.
constexpr int kAfterAllLayers = 1 << 30;

// The order of computation: by position, then by layer, a layer's keys before its hidden states.
struct Place {
  int64_t computed;
  int layer;
  int rank;
  Timepoint at;  // of the window that shows it first

  bool operator<(const Place& o) const {
    return std::tie(computed, layer, rank, at) < std::tie(o.computed, o.layer, o.rank, o.at);
  }
};

struct Stored {
  std::string signal;
  absl::Span<const float> values;
  absl::Span<const int64_t> token_ids;  // of log-probs
};

using Places = std::map<Place, Stored>;

// Every value of a run, a window's repeats too: a run may be false about one of them.
Places PlacesOf(const RunRecord& run) {
  Places places;
  for (const auto& [signal, vectors] : run.vectors) {
    const int rank = signal.kind == SignalKind::kKeyVectors ? 0 : 1;
    for (const auto& [at, values] : vectors) {
      places[{at.Computed(), signal.layer, rank, at}] = {SignalName(signal), *values, {}};
    }
  }
  const auto add = [&](const std::map<Timepoint, LogProbs>& of_run, const char* name, int rank) {
    for (const auto& [at, log_probs] : of_run) {
      places[{at.Computed(), kAfterAllLayers, rank, at}] = {name, log_probs.values,
                                                            log_probs.token_ids};
    }
  };
  add(run.log_probs, "logprobs", 0);
  add(run.reference_log_probs, "reference_log_probs", 1);
  return places;
}

std::string Where(const Place& place, const std::string& signal) {
  return absl::StrCat("step ", place.at.step, ", ", signal, "/pos_", place.at.position);
}

std::string FirstElement(absl::Span<const float> a, absl::Span<const float> b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (Bits(a[i]) == Bits(b[i])) continue;
    return absl::StrFormat(
        "element %d: %.9g (0x%08x), recomputed %.9g (0x%08x), %d float32 ULPs apart", i, a[i],
        Bits(a[i]), b[i], Bits(b[i]), UlpDistance(a[i], b[i]));
  }
  return "";
}

std::optional<std::string> Difference(const Stored& a, const Stored& b) {
  if (a.token_ids != b.token_ids) return "other token ids";
  if (a.values.size() != b.values.size()) {
    return absl::StrFormat("%d values, recomputed %d", a.values.size(), b.values.size());
  }
  const bool is_same =
      a.values.empty() ||  // memcmp takes no null
      std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
  if (is_same) return std::nullopt;
  return FirstElement(a.values, b.values);
}

std::string TokenText(const std::optional<int64_t>& id) {
  return id.has_value() ? absl::StrCat(*id) : "none";
}

// The first step whose token, as `get` names it, is another.
template <typename Get>
std::optional<std::string> FirstToken(const RunRecord& a, const RunRecord& b, const char* name,
                                      Get get) {
  std::set<int64_t> steps;
  for (const RunRecord* run : {&a, &b}) {
    for (const auto& [step, _] : run->steps) steps.insert(step);
  }
  for (const int64_t step : steps) {
    const auto in_a = a.steps.find(step), in_b = b.steps.find(step);
    if (in_b == b.steps.end()) return absl::StrCat("step ", step, ": not recomputed");
    if (in_a == a.steps.end()) return absl::StrCat("step ", step, ": recomputed alone");
    const auto claimed = get(in_a->second), recomputed = get(in_b->second);
    if (claimed == recomputed) continue;
    return absl::StrCat("step ", step, ", ", name, ": ", TokenText(claimed), ", recomputed ",
                        TokenText(recomputed));
  }
  return std::nullopt;
}

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

std::string Circumstance(const Configuration& configuration, const char* name) {
  const auto found = configuration.circumstances.find(name);
  return found == configuration.circumstances.end() ? "" : found->second;
}

// What both state, and differently.
void AddContradictions(const RunRecord& claimed, const RunRecord& recomputed,
                       Verification& verification) {
  const auto add = [&](const char* what, const std::string& a, const std::string& b) {
    if (a.empty() || b.empty() || a == b) return;
    verification.contradictions.push_back(absl::StrCat(what, ": ", a, ", recomputed with ", b));
  };
  const Configuration& a = *verification.claimed;
  const Configuration& b = *verification.recomputed;
  add("model digest", Circumstance(a, kModelDigest), Circumstance(b, kModelDigest));
  add("dtype", Circumstance(a, "dtype"), Circumstance(b, "dtype"));
  add("signals of the reference whose tokens were fed", a.reference_signals_sha256,
      b.reference_signals_sha256);
  if (claimed.prompt_text.has_value() && recomputed.prompt_text.has_value() &&
      claimed.prompt_text != recomputed.prompt_text) {
    verification.contradictions.push_back("prompt: another text");
  }
}

bool HaveOtherPrompts(const RunRecord& a, const RunRecord& b) {
  return a.prompt_text.has_value() && b.prompt_text.has_value() && a.prompt_text != b.prompt_text;
}

// One repetition of the claim; the place where it parts, if it does.
std::optional<std::string> Parting(const RunRecord& claimed, const RunRecord& recomputed,
                                   Verification& verification) {
  const bool have_digests = !claimed.signals_sha256.empty() && !recomputed.signals_sha256.empty();
  if (claimed.stored()) {
    auto parting = FirstParting(claimed, recomputed, verification);
    if (parting.has_value()) return parting;
  }
  if (have_digests && claimed.signals_sha256 != recomputed.signals_sha256) {
    return absl::StrCat(
        claimed.stored() ? "the stored values agree, but " : "no values stored, and ",
        "signals_sha256 is ", claimed.signals_sha256, ", recomputed ", recomputed.signals_sha256);
  }
  return std::nullopt;
}

Verification Compare(const Experiment& claimed, const Configuration& claim,
                     const Experiment& recomputed, const Configuration& recomputation) {
  Verification verification;
  verification.claimed = &claim;
  verification.recomputed = &recomputation;
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
  AddContradictions(*first, *again, verification);
  if (HaveOtherPrompts(*first, *again)) {
    verification.reason = "other prompts";
    return verification;
  }
  verification.verdict = Verdict::kEqual;
  for (const RunRecord* run : runs) {
    const auto parting = Parting(*run, *again, verification);
    if (!parting.has_value()) continue;
    verification.verdict = Verdict::kParted;
    verification.reason = absl::StrCat("repetition ", run->rep_id, ", ", *parting);
    return verification;
  }
  if (verification.values == 0) {
    verification.verdict = Verdict::kNotComparable;
    verification.reason = "neither stores a value";
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
    case Verdict::kNotComparable:
      return "not comparable";
  }
  return "";
}

std::optional<std::string> FirstParting(const RunRecord& a, const RunRecord& b,
                                        Verification& verification) {
  std::optional<std::string> first =
      FirstToken(a, b, "token fed", [](const Step& step) { return step.fed_token_id; });
  verification.values = verification.vectors = verification.parted_vectors = 0;
  const Places claimed = PlacesOf(a), recomputed = PlacesOf(b);
  const auto note = [&](const Place& place, const std::string& signal, const std::string& what) {
    ++verification.parted_vectors;
    if (!first.has_value()) first = absl::StrCat(Where(place, signal), ", ", what);
  };
  auto in_b = recomputed.begin();
  for (const auto& [place, stored] : claimed) {
    for (; in_b != recomputed.end() && in_b->first < place; ++in_b) {
      note(in_b->first, in_b->second.signal, "recomputed alone");
    }
    if (in_b == recomputed.end() || place < in_b->first) {
      note(place, stored.signal, "not recomputed");
      continue;
    }
    ++verification.vectors;
    verification.values += static_cast<int64_t>(stored.values.size());
    const auto difference = Difference(stored, in_b->second);
    if (difference.has_value()) note(place, stored.signal, *difference);
    ++in_b;
  }
  for (; in_b != recomputed.end(); ++in_b) {
    note(in_b->first, in_b->second.signal, "recomputed alone");
  }
  if (first.has_value()) return first;
  return FirstToken(a, b, "token chosen", [](const Step& step) { return step.token_id; });
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
