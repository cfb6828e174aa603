#include "analyzer/comparison/logprob_alignment.h"

#include <algorithm>
#include <map>
#include <utility>

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

// The values of `list` in the order of their ids; empty if the list is malformed.
std::vector<std::pair<int64_t, float>> ById(const LogProbs& list) {
  std::vector<std::pair<int64_t, float>> values;
  if (list.token_ids.size() != list.values.size()) return values;
  values.reserve(list.values.size());
  for (size_t i = 0; i < list.values.size(); ++i) {
    values.emplace_back(list.token_ids[i], list.values[i]);
  }
  const auto by_id = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same_id = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::sort(values.begin(), values.end(), by_id);
  if (std::adjacent_find(values.begin(), values.end(), same_id) != values.end()) return {};
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
  const std::vector<std::pair<int64_t, float>> values_a = ById(*list_a);
  if (!values_a.empty() && list_a->token_ids == list_b->token_ids &&
      list_a->values.size() == list_b->values.size()) {
    aligned.a = list_a->values;
    aligned.b = list_b->values;
    return aligned;
  }
  const std::vector<std::pair<int64_t, float>> values_b = ById(*list_b);
  aligned.malformed = values_a.empty() || values_b.empty();
  if (aligned.malformed) return aligned;
  for (size_t i = 0; i < list_a->token_ids.size(); ++i) {
    const int64_t id = list_a->token_ids[i];
    const auto found =
        std::lower_bound(values_b.begin(), values_b.end(), id,
                         [](const auto& value, int64_t wanted) { return value.first < wanted; });
    if (found == values_b.end() || found->first != id) continue;
    aligned.a.push_back(list_a->values[i]);
    aligned.b.push_back(found->second);
  }
  aligned.unmatched_ids =
      static_cast<int64_t>(values_a.size() + values_b.size() - 2 * aligned.a.size());
  return aligned;
}

}  // namespace forensics::analyzer
