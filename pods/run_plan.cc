#include "pods/run_plan.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/clock.h"
#include "pods/log_tail.h"
#include "pods/other_machines.h"
#include "schema/command_line.h"

namespace forensics::pods {

PlanRunner::PlanRunner(const Plan& plan, const std::vector<Step>& steps, DiskState& disk,
                       Journal& journal, SignalGuard& signals, Display& display)
    : plan_(plan),
      steps_(steps),
      workspace_(plan.folder()),
      disk_(disk),
      session_(plan, steps, journal, display),
      step_runner_(plan, disk, signals, session_) {
  for (const Step& step : steps_) {
    const auto state = disk_.Of(step, Thoroughness::kPresence);
    if (state.ok() && *state == StepState::kDone) {
      session_.View(step.id).time.progress = Progress::kDone;
    }
  }
}

absl::Status PlanRunner::SetDamagedAside() {
  const bool has_experiments = std::any_of(steps_.begin(), steps_.end(),
                                           [](const Step& step) { return step.experiment >= 0; });
  if (!has_experiments) return absl::OkStatus();  // of a check, which changes no results
  const auto damaged = disk_.SetDamagedRunsAside();
  if (!damaged.ok()) return damaged.status();
  for (const DamagedRun& run : *damaged) {
    session_.Note(absl::StrCat("DAMAGED  ", run.reason, "\n", run.path,
                               " is made again; it was moved to ", run.new_path));
    session_.Record("damaged", "", 0, run.reason);
  }
  return absl::OkStatus();
}

bool PlanRunner::CanBeRun(const Step& step) {
  return std::all_of(step.needs.begin(), step.needs.end(), [this](const std::string& needed) {
    return session_.View(needed).time.progress == Progress::kDone;
  });
}

Verdict PlanRunner::RunOrRefuse(const Step& step, const absl::StatusOr<StepState>& state) {
  if (!state.ok()) return {Outcome::kFailed, std::string(state.status().message())};
  if (*state == StepState::kNotReproducible) {
    return {Outcome::kNotReproducible, "a finished run's repetitions differ"};
  }
  if (!CanBeRun(step)) {
    return {Outcome::kFailed, "not run: it needs " + absl::StrJoin(step.needs, ", ")};
  }
  session_.Note(absl::StrCat("running  ", step.id));
  session_.Draw();
  return step_runner_.Run(step);
}

bool PlanRunner::Settle(const Step& step, const Verdict& verdict, double seconds) {
  StepView& view = session_.View(step.id);
  view.time.taken = seconds;
  view.time.progress = verdict.outcome == Outcome::kDone ? Progress::kDone : Progress::kFailed;
  view.remark = verdict.message.substr(0, verdict.message.find('\n'));
  const std::string log = WhereAllOfItIs(workspace_.Log(step.id));
  switch (verdict.outcome) {
    case Outcome::kDone:
      session_.Record("done", step.id, seconds, "");
      session_.Note(absl::StrCat("done     ", step.id, "  ", ClockText(seconds), "  (",
                                 session_.Total(), ")"));
      return true;
    case Outcome::kIncomplete:
      session_.Record("incomplete", step.id, seconds, verdict.message);
      if (disk_.RulesOf(step).IsDoneWithoutWhatIsMissing()) {
        view.time.progress = Progress::kDone;  // what it made can be gone on with
      } else {
        view.time.progress = Progress::kMissing;
        missing_.push_back(step.id);
      }
      session_.Note(absl::StrCat("missing  ", step.id, ": ", verdict.message));
      return true;
    case Outcome::kNotReproducible:
      stop_code_ = schema::kExitNotReproducible;
      session_.Note(absl::StrCat("NOT REPRODUCIBLE  ", step.id, ": ", verdict.message,
                                 "\nthe plan stops here; everything is kept", log));
      break;
    case Outcome::kInterrupted:
      stop_code_ = schema::kExitFailed;
      session_.Note(absl::StrCat("interrupted in ", step.id,
                                 "; what is finished is kept, and the same command goes on"));
      break;
    case Outcome::kDiskFull:
      stop_code_ = schema::kExitFailed;
      session_.Note(absl::StrCat("DISK FULL  ", step.id, ": ", verdict.message,
                                 "\nfree some space below ", plan_.folder(),
                                 "; the same command goes on"));
      break;
    default:
      failed_.push_back(step.id);
      session_.Note(absl::StrCat("failed   ", step.id, ": ", verdict.message, log));
      session_.Record("failed", step.id, seconds, verdict.message);
      return true;
  }
  session_.Record("failed", step.id, seconds, verdict.message);
  return false;
}

bool PlanRunner::WorkOff(const Step& step) {
  StepView& view = session_.View(step.id);
  const absl::StatusOr<StepState> state = disk_.Of(step, Thoroughness::kEveryByte);
  if (state.ok() && *state == StepState::kDone) {
    view.time.progress = Progress::kDone;
    return true;
  }
  if (state.ok() && *state == StepState::kWaiting) {
    view.remark = WaitingText(plan_);
    session_.Note(absl::StrCat("waiting  ", step.id, ": ", view.remark));
    return true;
  }
  view.time.progress = Progress::kRunning;
  view.time.taken = 0;
  const double began = Now();
  const Verdict verdict = RunOrRefuse(step, state);
  const bool goes_on = Settle(step, verdict, Now() - began);
  if (goes_on) session_.Draw();
  return goes_on;
}

int PlanRunner::Conclude() {
  session_.End();
  if (stop_code_ != 0) return stop_code_;
  if (!failed_.empty()) {
    session_.Note(absl::StrCat("failed: ", absl::StrJoin(failed_, ", ")));
    return schema::kExitFailed;
  }
  for (const Step& step : steps_) {
    for (std::string& missing : disk_.RulesOf(step).StillMissing(step)) {
      missing_.push_back(std::move(missing));
    }
  }
  if (missing_.empty()) return schema::kExitDone;
  session_.Note(absl::StrCat("not complete: ", absl::StrJoin(missing_, "; ")));
  return schema::kExitIncomplete;
}

int PlanRunner::Run(std::vector<std::string> left_out) {
  missing_ = std::move(left_out);
  if (absl::Status status = SetDamagedAside(); !status.ok()) {
    session_.Note(std::string(status.message()));
    return schema::kExitFailed;
  }
  for (const Step& step : steps_) {
    if (!WorkOff(step)) break;
  }
  return Conclude();
}

}  // namespace forensics::pods
