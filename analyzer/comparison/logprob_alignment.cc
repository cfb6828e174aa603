#include "analyzer/comparison/logprob_alignment.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"

namespace forensics::analyzer {
namespace {

bool SameIds(const LogProbs* a, const LogProbs* b) {
  if (a == nullptr || b == nullptr) return false;
  std::vector<int64_t> ids_a = a->token_ids;
  std::vector<int64_t> ids_b = b->token_ids;
  std::sort(ids_a.begin(), ids_a.end());
  std::sort(ids_b.begin(), ids_b.end());
  return ids_a == ids_b;
}

// The values of `list` by id; empty if the list is malformed.
absl::flat_hash_map<int64_t, float> ById(const LogProbs& list) {
  absl::flat_hash_map<int64_t, float> values;
  if (list.token_ids.size() != list.values.size()) return values;
  for (size_t i = 0; i < list.values.size(); ++i) {
    if (!values.emplace(list.token_ids[i], list.values[i]).second) return {};
  }
  return values;
}

const LogProbs* Find(const std::map<Timepoint, LogProbs>& stored, const Timepoint& at) {
  const auto found = stored.find(at);
  return found == stored.end() ? nullptr : &found->second;
}

}  // namespace

StoredLogProbs StoredAt(const RunRecord& run, const Timepoint& at) {
  return {Find(run.log_probs, at), Find(run.reference_log_probs, at)};
}

AlignedLogProbs Align(const StoredLogProbs& a, const StoredLogProbs& b) {
  const LogProbs* list_a = a.reference != nullptr ? a.reference : a.own;
  const LogProbs* list_b = b.reference != nullptr ? b.reference : b.own;
  if (a.reference != nullptr && b.reference != nullptr && !SameIds(a.reference, b.reference)) {
    if (SameIds(a.own, b.reference)) {
      list_a = a.own;
    } else if (SameIds(a.reference, b.own)) {
      list_b = b.own;
    }
  }
  AlignedLogProbs aligned;
  aligned.missing = list_a == nullptr || list_b == nullptr;
  if (aligned.missing) return aligned;
  const absl::flat_hash_map<int64_t, float> values_a = ById(*list_a);
  const absl::flat_hash_map<int64_t, float> values_b = ById(*list_b);
  aligned.malformed = values_a.empty() || values_b.empty();
  if (aligned.malformed) return aligned;
  for (const int64_t id : list_a->token_ids) {
    const auto found = values_b.find(id);
    if (found == values_b.end()) continue;
    aligned.a.push_back(values_a.at(id));
    aligned.b.push_back(found->second);
  }
  aligned.unmatched_ids =
      static_cast<int64_t>(values_a.size() + values_b.size() - 2 * aligned.a.size());
  return aligned;
}

}  // namespace forensics::analyzer
