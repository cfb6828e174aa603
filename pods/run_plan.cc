#include "pods/run_plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pods/damaged_runs.h"
#include "pods/disk_room.h"
#include "pods/folder_claim.h"
#include "pods/log_tail.h"
#include "pods/remove_model.h"
#include "schema/command_line.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShownLines = 12;
constexpr size_t kJudgedLines = 40;   // by OutcomeOf
constexpr double kAliveSeconds = 60;  // between two signs of life in the journal
constexpr double kLongestBackoff = 600;

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// The last `count` of them.
std::vector<std::string> Tail(const std::vector<std::string>& lines, size_t count) {
  return {lines.end() - static_cast<ptrdiff_t>(std::min(count, lines.size())), lines.end()};
}

}  // namespace

double Now() {
  using Steady = std::chrono::steady_clock;
  static const Steady::time_point start = Steady::now();
  static const double time_of_start = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  return time_of_start + std::chrono::duration<double>(Steady::now() - start).count();
}

PlanRunner::PlanRunner(const Plan& plan, std::vector<Step> steps, std::vector<GpuFacts> gpus,
                       Journal& journal, SignalGuard& signals, Display& display)
    : plan_(plan),
      steps_(std::move(steps)),
      workspace_(plan.folder()),
      disk_(plan_, steps_, std::move(gpus)),
      journal_(journal),
      signals_(signals),
      display_(display) {
  const auto events = ReadJournal(workspace_.Journal());
  std::map<std::string, double> seconds;
  if (events.ok()) {
    seconds_before_ = SecondsAtWork(*events);
    seconds = SecondsOfSteps(*events);
  }
  for (const Step& step : steps_) {
    StepView& view = views_[step.id];
    view.id = step.id;
    view.time.estimated = step.estimated_seconds;
    view.time.taken = seconds[step.id];
    const auto state = disk_.Of(step, Thoroughness::kPresence);
    if (state.ok() && *state == StepState::kDone) view.time.progress = Progress::kDone;
  }
}

std::vector<StepView> PlanRunner::Views() const {
  std::vector<StepView> views;
  for (const Step& step : steps_) views.push_back(views_.at(step.id));
  return views;
}

std::string PlanRunner::Total() const {
  return TotalText(Views(), seconds_before_ + Now() - began_, plan_.machine());
}

void PlanRunner::Draw() {
  // The cost has a line of its own, where both do not fit into one.
  const std::string total = absl::StrReplaceAll(Total(), {{" left; ", " left\n"}});
  display_.Draw(absl::StrCat(TableText(Views()), total, "\n"));
}

void PlanRunner::Record(const std::string& kind, const std::string& step, double seconds,
                        const std::string& message) {
  // The journal is for people: a full disk stops the plan where the work itself needs it.
  if (!journal_.Append({Now(), kind, step, seconds, message}).ok()) return;
  last_alive_ = Now();
}

void PlanRunner::Redraw(const Step& step, double seconds) {
  StepView& view = views_[step.id];
  view.time.taken = seconds;
  const std::vector<std::string> lines = LastLines(workspace_.Log(step.id), 1);
  if (!lines.empty()) view.remark = lines[0];
  if (Now() - last_alive_ > kAliveSeconds) Record("alive", step.id, seconds, "");
  Draw();
}

absl::Status PlanRunner::SetDamagedAside() {
  const bool has_experiments = std::any_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return step.kind == StepKind::kExperiment;
  });
  if (!has_experiments) return absl::OkStatus();  // of a check, which changes no results
  const auto damaged = SetDamagedRunsAside(workspace_.Results(), workspace_.Damaged());
  if (!damaged.ok()) return damaged.status();
  for (const DamagedRun& run : *damaged) {
    display_.Note(absl::StrCat("DAMAGED  ", run.reason, "\n", run.path,
                               " is made again; it was moved to ", run.new_path));
    Record("damaged", "", 0, run.reason);
  }
  return absl::OkStatus();
}

bool PlanRunner::CanBeRun(const Step& step) const {
  return std::all_of(step.needs.begin(), step.needs.end(), [this](const std::string& needed) {
    return views_.at(needed).time.progress == Progress::kDone;
  });
}

absl::Status PlanRunner::Prepare(const Step& step) const {
  std::string obsolete;
  if (step.kind == StepKind::kTrial) obsolete = workspace_.Trial();
  if (step.kind == StepKind::kTrialFuse) obsolete = workspace_.TrialExperiments();
  if (step.kind == StepKind::kFuse) obsolete = workspace_.Experiments();
  if (step.kind == StepKind::kCompare) obsolete = workspace_.Report();
  const bool is_work = step.kind == StepKind::kTrial || step.kind == StepKind::kExperiment;
  // Before the first run is finished, so that none is ever without it.
  absl::Status status = is_work ? disk_.WriteStamp(step) : absl::OkStatus();
  if (!status.ok() || obsolete.empty()) return status;
  disk_.ForgetIncomplete(step);
  return EmptyClaimedFolder(obsolete);
}

std::vector<std::string> PlanRunner::CommandOf(const Step& step) const {
  std::vector<std::string> command = step.command;
  if (step.kind != StepKind::kFuse) return command;
  const std::vector<std::string> others = disk_.OthersWithRuns();
  command.insert(command.end(), others.begin(), others.end());
  return command;
}

PlanRunner::Verdict PlanRunner::RunProcess(const Step& step) {
  ChildOptions options;
  options.command = CommandOf(step);
  options.log = workspace_.Log(step.id);
  options.timeout_seconds = plan_.limits().step_timeout_minutes() * 60;
  options.each_second = [&](double seconds) { Redraw(step, seconds); };
  const int64_t log_begin = SizeOf(options.log);
  const absl::StatusOr<ChildExit> exit = RunChild(options, signals_);
  if (!exit.ok()) return {Outcome::kFailed, std::string(exit.status().message())};
  const std::vector<std::string> lines =
      LastLines(options.log, kJudgedLines, log_begin, IsProgress);
  std::string message = ExitText(*exit);
  for (const std::string& line : Tail(lines, kShownLines)) {
    absl::StrAppend(&message, "\n    ", line);
  }
  return {OutcomeOf(*exit, lines), message};
}

// Only a full disk stops the plan: other steps may do without what failed otherwise.
PlanRunner::Verdict PlanRunner::VerdictOf(const absl::Status& status) {
  if (status.ok()) return {};
  const bool is_full = absl::IsResourceExhausted(status);
  return {is_full ? Outcome::kDiskFull : Outcome::kFailed, std::string(status.message())};
}

absl::Status PlanRunner::DeleteModel(const Step& step) const {
  const Model& model = plan_.models(step.model);
  return RemoveModel(workspace_.Models(), ModelDirectory(plan_, model), model);
}

absl::Status PlanRunner::MakeRoom(const Step& step) {
  const double gigabytes = plan_.models(step.model).gigabytes();
  absl::Status room = CheckRoom(plan_, gigabytes);
  for (const Step& earlier : steps_) {
    if (room.ok() || earlier.id == step.id) break;
    std::error_code error;
    if (earlier.kind != StepKind::kDelete ||
        !fs::exists(ModelDirectory(plan_, plan_.models(earlier.model)), error)) {
      continue;
    }
    if (absl::Status status = DeleteModel(earlier); !status.ok()) return status;
    display_.Note(absl::StrCat("deleted  the model of ", absl::StrJoin(earlier.needs, ", "),
                               ", which failed, to make room for ", step.id, ": ", room.message()));
    room = CheckRoom(plan_, gigabytes);
  }
  return room;
}

// What the process says is done must be found done.
PlanRunner::Verdict PlanRunner::Confirm(const Step& step) const {
  if (IsFuseOrCompare(step)) {
    absl::Status status = disk_.CheckLeftFiles(step);
    if (status.ok()) status = disk_.WriteStamp(step);
    if (!status.ok()) return VerdictOf(status);
  }
  const absl::StatusOr<StepState> state = disk_.Of(step, Thoroughness::kPresence);
  if (!state.ok()) return {Outcome::kFailed, std::string(state.status().message())};
  if (*state == StepState::kNotReproducible) {
    return {Outcome::kNotReproducible, "a run whose repetitions differ"};
  }
  if (*state == StepState::kDone) return {};
  return {Outcome::kFailed, "its process ended well, but what it was to leave is not on disk"};
}

PlanRunner::Verdict PlanRunner::ConfirmIncomplete(const Step& step, const Verdict& verdict) const {
  const absl::Status noted = disk_.NoteIncomplete(step, verdict.message);
  if (!noted.ok()) return {Outcome::kFailed, std::string(noted.message())};
  Verdict confirmed = Confirm(step);
  return confirmed.outcome == Outcome::kDone ? verdict : confirmed;
}

PlanRunner::Verdict PlanRunner::Attempt(const Step& step) {
  if (step.kind == StepKind::kDelete) return VerdictOf(DeleteModel(step));
  if (step.may_be_missing && LacksProgram(step)) {
    return {Outcome::kIncomplete, absl::StrCat("no program ", step.command[0])};
  }
  const absl::Status status = Prepare(step);
  if (!status.ok()) return VerdictOf(status);
  Verdict verdict = RunProcess(step);
  if (verdict.outcome == Outcome::kIncomplete && IsFuseOrCompare(step)) {
    return ConfirmIncomplete(step, verdict);
  }
  return verdict.outcome == Outcome::kDone ? Confirm(step) : verdict;
}

bool PlanRunner::WaitBeforeRetry(int retries) {
  const double seconds =
      std::min(kLongestBackoff, plan_.limits().backoff_seconds() * std::pow(2, retries));
  for (const double end = Now() + seconds; Now() < end && !signals_.WasInterrupted();) {
    signals_.Wait(std::min(1.0, std::max(0.0, end - Now())));
  }
  return !signals_.WasInterrupted();
}

PlanRunner::Verdict PlanRunner::RunStep(const Step& step) {
  const absl::Status room = step.kind == StepKind::kFetch ? MakeRoom(step) : absl::OkStatus();
  if (!room.ok()) return VerdictOf(room);
  for (int retries = 0;; ++retries) {
    Record("begin", step.id, 0, "");
    Verdict verdict = Attempt(step);
    const int allowed = verdict.outcome == Outcome::kOutOfMemory    ? 1
                        : verdict.outcome == Outcome::kMayBeRetried ? plan_.limits().retries()
                                                                    : 0;
    if (retries >= allowed) return verdict;
    display_.Note(absl::StrCat(step.id, ": ", verdict.message, "\n", step.id, ": retry ",
                               retries + 1, " of ", allowed));
    Record("failed", step.id, 0, verdict.message);
    if (!WaitBeforeRetry(retries)) return {Outcome::kInterrupted, "interrupted"};
  }
}

bool PlanRunner::Settle(const Step& step, const Verdict& verdict, double seconds) {
  StepView& view = views_[step.id];
  view.time.taken = seconds;
  view.time.progress = verdict.outcome == Outcome::kDone ? Progress::kDone : Progress::kFailed;
  view.remark = verdict.message.substr(0, verdict.message.find('\n'));
  const std::string log = absl::StrCat("; all of it: ", workspace_.Log(step.id));
  switch (verdict.outcome) {
    case Outcome::kDone:
      Record("done", step.id, seconds, "");
      display_.Note(
          absl::StrCat("done     ", step.id, "  ", ClockText(seconds), "  (", Total(), ")"));
      return true;
    case Outcome::kIncomplete:
      // What it made is there, and can be gone on with.
      view.time.progress = IsFuseOrCompare(step) ? Progress::kDone : Progress::kMissing;
      Record("incomplete", step.id, seconds, verdict.message);
      missing_.push_back(step.id);
      display_.Note(absl::StrCat("missing  ", step.id, ": ", verdict.message));
      return true;
    case Outcome::kNotReproducible:
      stop_code_ = schema::kExitNotReproducible;
      display_.Note(absl::StrCat("NOT REPRODUCIBLE  ", step.id, ": ", verdict.message,
                                 "\nthe plan stops here; everything is kept", log));
      break;
    case Outcome::kInterrupted:
      stop_code_ = schema::kExitFailed;
      display_.Note(absl::StrCat("interrupted in ", step.id,
                                 "; what is finished is kept, and the same command goes on"));
      break;
    case Outcome::kDiskFull:
      stop_code_ = schema::kExitFailed;
      display_.Note(absl::StrCat("DISK FULL  ", step.id, ": ", verdict.message,
                                 "\nfree some space below ", plan_.folder(),
                                 "; the same command goes on"));
      break;
    default:
      failed_.push_back(step.id);
      display_.Note(absl::StrCat("failed   ", step.id, ": ", verdict.message, log));
      Record("failed", step.id, seconds, verdict.message);
      return true;
  }
  Record("failed", step.id, seconds, verdict.message);
  return false;
}

int PlanRunner::Run(std::vector<std::string> left_out) {
  began_ = Now();
  missing_ = std::move(left_out);
  Record("session", "", 0, plan_.name());
  if (absl::Status status = SetDamagedAside(); !status.ok()) {
    display_.Note(std::string(status.message()));
    return schema::kExitFailed;
  }
  for (const Step& step : steps_) {
    StepView& view = views_[step.id];
    const absl::StatusOr<StepState> state = disk_.Of(step, Thoroughness::kEveryByte);
    if (state.ok() && *state == StepState::kDone) {
      view.time.progress = Progress::kDone;
      if (disk_.WasIncomplete(step)) missing_.push_back(step.id);
      continue;
    }
    if (state.ok() && *state == StepState::kWaiting) {
      view.remark = WaitingText(disk_);
      display_.Note(absl::StrCat("waiting  ", step.id, ": ", view.remark));
      continue;
    }
    view.time.progress = Progress::kRunning;
    view.time.taken = 0;
    const double began = Now();
    Verdict verdict;
    if (!state.ok()) {
      verdict = {Outcome::kFailed, std::string(state.status().message())};
    } else if (*state == StepState::kNotReproducible) {
      verdict = {Outcome::kNotReproducible, "a finished run's repetitions differ"};
    } else if (!CanBeRun(step)) {
      verdict = {Outcome::kFailed, "not run: it needs " + absl::StrJoin(step.needs, ", ")};
    } else {
      display_.Note(absl::StrCat("running  ", step.id));
      Draw();
      verdict = RunStep(step);
    }
    if (!Settle(step, verdict, Now() - began)) break;
    Draw();
  }
  Record("end", "", Now() - began_, "");
  display_.Draw("");
  display_.Note(absl::StrCat(TableText(Views()), Total()));
  if (stop_code_ != 0) return stop_code_;
  if (!failed_.empty()) {
    display_.Note(absl::StrCat("failed: ", absl::StrJoin(failed_, ", ")));
    return schema::kExitFailed;
  }
  const bool compares = steps_.back().kind == StepKind::kCompare;
  if (compares && !disk_.OthersAwaited().empty()) missing_.push_back(WaitingText(disk_));
  if (missing_.empty()) return schema::kExitDone;
  display_.Note(absl::StrCat("not complete: ", absl::StrJoin(missing_, "; ")));
  return schema::kExitIncomplete;
}

}  // namespace forensics::pods
