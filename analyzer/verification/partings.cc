#include "analyzer/verification/partings.h"

#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "analyzer/comparison/bit_agreement.h"
#include "analyzer/comparison/bit_changes.h"
#include "analyzer/comparison/float_bits.h"

namespace forensics::analyzer {
namespace {

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

std::optional<std::string> Difference(const Stored& a, const Stored& b) {
  if (a.token_ids != b.token_ids) return "other token ids";
  if (a.values.size() != b.values.size()) {
    return absl::StrFormat("%d values, recomputed %d", a.values.size(), b.values.size());
  }
  const std::optional<size_t> first = FirstOtherElement(a.values, b.values);
  if (!first.has_value()) return std::nullopt;
  const float claimed = a.values[*first], recomputed = b.values[*first];
  std::string text = absl::StrFormat("element %d: %.9g (0x%08x), recomputed %.9g (0x%08x)", *first,
                                     claimed, Bits(claimed), recomputed, Bits(recomputed));
  if (std::isfinite(claimed) && std::isfinite(recomputed)) {
    absl::StrAppend(&text, ", ", UlpDistance(claimed, recomputed), " float32 ULPs apart");
  }
  return text;
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

}  // namespace

Partings FindPartings(const RunRecord& a, const RunRecord& b) {
  Partings partings;
  partings.first =
      FirstToken(a, b, "token fed", [](const Step& step) { return step.fed_token_id; });
  const Places claimed = PlacesOf(a), recomputed = PlacesOf(b);
  const auto note = [&](const Place& place, const std::string& signal, const std::string& what) {
    ++partings.parted_vectors;
    if (!partings.first.has_value())
      partings.first = absl::StrCat(Where(place, signal), ", ", what);
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
    ++partings.vectors;
    partings.values += static_cast<int64_t>(stored.values.size());
    const auto difference = Difference(stored, in_b->second);
    if (difference.has_value()) note(place, stored.signal, *difference);
    ++in_b;
  }
  for (; in_b != recomputed.end(); ++in_b) {
    note(in_b->first, in_b->second.signal, "recomputed alone");
  }
  if (!partings.first.has_value()) {
    partings.first =
        FirstToken(a, b, "token chosen", [](const Step& step) { return step.token_id; });
  }
  return partings;
}

}  // namespace forensics::analyzer
