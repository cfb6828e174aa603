#include "analyzer/reading/step_numbers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"

namespace forensics::analyzer {
namespace {

bool IsFromOneWithoutGap(const RunRecord& run) {
  return run.stored() && run.steps.begin()->first == 1 &&
         run.steps.rbegin()->first == static_cast<int64_t>(run.steps.size());
}

int64_t Earlier(int64_t step) { return step - 1; }
Timepoint Earlier(const Timepoint& at) { return {at.step - 1, at.position}; }

template <typename Key, typename Value>
void MoveEarlier(std::map<Key, Value>& items) {
  std::map<Key, Value> moved;
  for (auto& [key, value] : items) moved.emplace_hint(moved.end(), Earlier(key), std::move(value));
  items = std::move(moved);
}

void MoveEarlier(RunRecord& run) {
  MoveEarlier(run.steps);
  for (auto& [signal, vectors] : run.vectors) MoveEarlier(vectors);
  MoveEarlier(run.log_probs);
  MoveEarlier(run.reference_log_probs);
}

}  // namespace

void NumberStepsFromZero(Experiment& experiment) {
  std::vector<RunRecord>& runs = experiment.runs;
  const bool all_lack_step_0 = std::none_of(
      runs.begin(), runs.end(), [](const RunRecord& run) { return run.steps.count(0) > 0; });
  std::string first;
  int count = 0;
  for (RunRecord& run : runs) {
    if (!IsFromOneWithoutGap(run)) continue;
    const bool is_whole = experiment.decode_steps.has_value()
                              ? static_cast<int64_t>(run.steps.size()) == *experiment.decode_steps
                              : all_lack_step_0;
    if (!is_whole) continue;
    MoveEarlier(run);
    if (count++ == 0) first = absl::StrFormat("%s rep %d", run.config_id, run.rep_id);
  }
  if (count == 0) return;
  experiment.findings.push_back(absl::StrFormat(
      "%d runs number their steps from 1, first %s; they are taken as numbered from 0, as the "
      "others of this format",
      count, first));
}

}  // namespace forensics::analyzer
