#include "analyzer/comparison/run_difference.h"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "analyzer/comparison/bit_agreement.h"
#include "analyzer/comparison/float_bits.h"
#include "schema/digest.h"

namespace forensics::analyzer {
namespace {

std::optional<std::string> ValuesDifference(absl::Span<const float> a, absl::Span<const float> b) {
  if (a.size() != b.size()) return absl::StrFormat("%d and %d values", a.size(), b.size());
  const std::optional<size_t> first = FirstOtherElement(a, b);
  if (!first.has_value()) return std::nullopt;
  const float in_a = a[*first], in_b = b[*first];
  return absl::StrFormat("element %d: %.9g (0x%08x) and %.9g (0x%08x)", *first, in_a, Bits(in_a),
                         in_b, Bits(in_b));
}

std::optional<std::string> Compare(const SharedVector& a, const SharedVector& b) {
  return a == b ? std::nullopt : ValuesDifference(*a, *b);
}

std::optional<std::string> Compare(const LogProbs& a, const LogProbs& b) {
  if (a.token_ids != b.token_ids) return "other token ids";
  return ValuesDifference(a.values, b.values);
}

std::optional<std::string> Compare(const Step& a, const Step& b) {
  if (a.token_id == b.token_id && a.fed_token_id == b.fed_token_id) return std::nullopt;
  const auto text = [](const Step& step) {
    const auto number = [](const std::optional<int64_t>& id) {
      return id.has_value() ? absl::StrCat(*id) : "none";
    };
    return absl::StrCat("token ", number(step.token_id), ", fed ", number(step.fed_token_id));
  };
  return absl::StrCat(text(a), " and ", text(b));
}

std::string Place(int64_t step, const std::string&) { return absl::StrCat("step ", step, ": "); }

std::string Place(const Timepoint& at, const std::string& signal) {
  return absl::StrCat("step ", at.step, ": ", signal, "/pos_", at.position, ": ");
}

// The first key whose values differ, or that one of two maps lacks.
template <typename Key, typename Value>
std::optional<std::string> FirstIn(const std::map<Key, Value>& a, const std::map<Key, Value>& b,
                                   const std::string& signal) {
  for (const auto& [key, value] : a) {
    const auto other = b.find(key);
    if (other == b.end()) return Place(key, signal) + "stored by one repetition alone";
    const std::optional<std::string> difference = Compare(value, other->second);
    if (difference.has_value()) return Place(key, signal) + *difference;
  }
  for (const auto& [key, value] : b) {
    if (a.count(key) == 0) return Place(key, signal) + "stored by one repetition alone";
  }
  return std::nullopt;
}

std::optional<std::string> VectorsDifference(const RunRecord& a, const RunRecord& b) {
  std::set<SignalId> signals;
  for (const RunRecord* run : {&a, &b}) {
    for (const auto& [signal, vectors] : run->vectors) signals.insert(signal);
  }
  const Vectors none;
  for (const SignalId& signal : signals) {
    const auto in_a = a.vectors.find(signal);
    const auto in_b = b.vectors.find(signal);
    auto difference = FirstIn(in_a == a.vectors.end() ? none : in_a->second,
                              in_b == b.vectors.end() ? none : in_b->second, SignalName(signal));
    if (difference.has_value()) return difference;
  }
  return std::nullopt;
}

std::string VectorsDigest(const RunRecord& run) {
  if (run.released.has_value()) return run.released->digest;
  schema::Sha256 digest;
  for (const auto& [signal, vectors] : run.vectors) {
    for (const auto& [at, vector] : vectors) {
      digest.Update(absl::StrCat(SignalName(signal), "/", at.step, "/", at.position, "/",
                                 vector->size(), "\n"));
      digest.Update(
          {reinterpret_cast<const char*>(vector->data()), vector->size() * sizeof(float)});
    }
  }
  return digest.Finish();
}

std::optional<std::string> LogProbsDifference(const RunRecord& a, const RunRecord& b) {
  auto difference = FirstIn(a.log_probs, b.log_probs, "logprobs");
  if (difference.has_value()) return difference;
  return FirstIn(a.reference_log_probs, b.reference_log_probs, "reference_log_probs");
}

// The stored repetition of the lowest rep_id, the first of several; null if there is none.
const RunRecord* BaseOf(const Experiment& experiment, const RunRecord& run) {
  const RunRecord* base = nullptr;
  for (const RunRecord& known : experiment.runs) {
    if (known.config_id != run.config_id || !known.stored()) continue;
    if (base == nullptr || known.rep_id < base->rep_id) base = &known;
  }
  return base;
}

}  // namespace

bool SameBits(const RunRecord& a, const RunRecord& b) {
  if (!a.released.has_value() && !b.released.has_value()) return !FirstDifference(a, b).has_value();
  return !FirstIn(a.steps, b.steps, "").has_value() && VectorsDigest(a) == VectorsDigest(b) &&
         !LogProbsDifference(a, b).has_value();
}

std::optional<std::string> FirstDifference(const RunRecord& a, const RunRecord& b) {
  if (auto difference = FirstIn(a.steps, b.steps, ""); difference.has_value()) return difference;
  const auto difference = b.released.has_value()   ? b.released->difference_of_base
                          : a.released.has_value() ? a.released->difference_to_base
                                                   : VectorsDifference(a, b);
  return difference.has_value() ? difference : LogProbsDifference(a, b);
}

void ReleaseIfDiffering(const SignalId& headline, const Experiment& experiment, RunRecord& run) {
  if (!run.stored()) return;
  const RunRecord* const base = BaseOf(experiment, run);
  if (base == nullptr || run.rep_id < base->rep_id || base->released.has_value()) return;
  ReleasedVectors released;
  released.difference_of_base = VectorsDifference(*base, run);
  if (!released.difference_of_base.has_value()) return;
  released.difference_to_base = VectorsDifference(run, *base);
  released.digest = VectorsDigest(run);
  run.released = std::move(released);
  // The names of the signals stay.
  for (auto& [signal, vectors] : run.vectors) {
    if (!(signal == headline)) vectors.clear();
  }
}

}  // namespace forensics::analyzer
