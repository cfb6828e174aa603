#include "pods/plan_status.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "pods/clock.h"
#include "pods/display.h"
#include "pods/journal.h"
#include "pods/log_tail.h"
#include "pods/other_machines.h"
#include "pods/workspace.h"

namespace forensics::pods {
namespace {

using Failures = std::map<std::string, Event>;

void SetFailure(const Event& failure, StepView& view) {
  view.time.progress = failure.kind == "incomplete" ? Progress::kMissing : Progress::kFailed;
  view.remark = failure.message.substr(0, failure.message.find("    "));
}

StepView ViewOf(const Plan& plan, const Step& step, const absl::StatusOr<StepState>& state,
                const Failures& failures, double seconds) {
  StepView view;
  view.id = step.id;
  view.time = {Progress::kLeft, step.estimated_seconds, 0};
  if (!state.ok()) {
    view.time.progress = Progress::kFailed;
    view.remark = std::string(state.status().message());
    return view;
  }
  const auto failure = failures.find(step.id);
  switch (*state) {
    case StepState::kNotReproducible:
      view.time.progress = Progress::kFailed;
      view.remark = "not reproducible";
      break;
    case StepState::kWaiting:
      view.remark = WaitingText(plan);
      break;
    case StepState::kDone:
      view.time.progress = Progress::kDone;
      view.time.taken = seconds;
      break;
    case StepState::kLeft:
      if (failure != failures.end()) SetFailure(failure->second, view);
      break;
  }
  return view;
}

// Since it began, which is the last that the journal says but for signs of life.
void SetRunning(const std::vector<Event>& events, StepView& view) {
  const auto begin = std::find_if(events.rbegin(), events.rend(),
                                  [](const Event& event) { return event.kind == "begin"; });
  view.time.progress = Progress::kRunning;
  view.time.taken = std::max(0.0, Now() - begin->time);
  view.remark = "";
}

std::string FolderText(const std::string& folder, const std::string& holders) {
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) {
    return absl::StrCat("folder ", folder, ": is not there; --folder=DIR names another\n");
  }
  return absl::StrCat("folder ", folder, holders.empty() ? "" : ": at work: ", holders, "\n");
}

std::string FailuresText(const std::vector<StepView>& views, const Failures& failures,
                         const Workspace& workspace) {
  std::string text;
  for (const StepView& view : views) {
    const auto failure = failures.find(view.id);
    if (failure == failures.end() || view.time.progress == Progress::kDone) continue;
    absl::StrAppend(
        &text, failure->second.kind, "  ", view.id, ", ",
        absl::FormatTime("%Y-%m-%d %H:%M UTC",
                         absl::FromUnixSeconds(static_cast<int64_t>(failure->second.time)),
                         absl::UTCTimeZone()),
        ": ", failure->second.message, WhereAllOfItIs(workspace.Log(view.id)), "\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<PlanStatus> StatusOfPlan(const Plan& plan, const std::vector<Step>& steps,
                                        const std::string& holders, DiskState& disk) {
  const Workspace workspace(plan.folder());
  const auto events = ReadJournal(workspace.Journal());
  if (!events.ok()) return events.status();
  std::map<std::string, double> seconds = SecondsOfSteps(*events);
  const Failures failures = LastFailures(*events);
  const std::string running = holders.empty() ? "" : RunningStep(*events);
  std::vector<StepView> views;
  std::vector<std::string> missing = LeftOut(plan, steps);
  for (const Step& step : steps) {
    const auto state = disk.Of(step, Thoroughness::kPresence);
    views.push_back(ViewOf(plan, step, state, failures, seconds[step.id]));
    if (step.id == running) SetRunning(*events, views.back());
    if (!state.ok()) continue;
    for (const std::string& without : disk.RulesOf(step).StillMissing(step)) {
      missing.push_back(without);
    }
  }
  PlanStatus status;
  status.text = absl::StrCat(FolderText(plan.folder(), holders), TableText(views),
                             TotalText(views, SecondsAtWork(*events), plan.machine()), "\n",
                             FailuresText(views, failures, workspace));
  if (!missing.empty()) {
    absl::StrAppend(&status.text, "not complete: ", absl::StrJoin(missing, "; "), "\n");
  }
  const bool all_done = std::all_of(views.begin(), views.end(), [](const StepView& view) {
    return view.time.progress == Progress::kDone;
  });
  status.is_complete = all_done && missing.empty();
  return status;
}

}  // namespace forensics::pods
