#include "pods/run_step.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "pods/ask.h"
#include "pods/clock.h"
#include "pods/disk_room.h"
#include "pods/log_tail.h"
#include "pods/made_steps.h"

namespace forensics::pods {
namespace {

constexpr size_t kJudgedLines = 40;  // of a log, by OutcomeOf
constexpr size_t kShownLines = 12;
constexpr double kLongestBackoff = 600;

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// Only a full disk stops the plan: other steps may do without what failed otherwise.
Verdict VerdictOf(const absl::Status& status) {
  if (status.ok()) return {};
  const bool is_full = absl::IsResourceExhausted(status);
  return {is_full ? Outcome::kDiskFull : Outcome::kFailed, std::string(status.message())};
}

}  // namespace

Verdict StepRunner::RunProcess(const Step& step, std::vector<std::string> command) {
  ChildOptions options;
  options.command = std::move(command);
  options.log = workspace_.Log(step.id);
  options.timeout_seconds = plan_.limits().step_timeout_minutes() * 60;
  options.each_second = [&](double seconds) { session_.Alive(step.id, seconds); };
  const int64_t log_begin = SizeOf(options.log);
  const absl::StatusOr<ChildExit> exit = RunChild(options, signals_);
  if (!exit.ok()) return {Outcome::kFailed, std::string(exit.status().message())};
  const std::vector<std::string> lines =
      LastLines(options.log, kJudgedLines, log_begin, IsProgress);
  std::string message = ExitText(*exit);
  for (size_t i = lines.size() - std::min(kShownLines, lines.size()); i < lines.size(); ++i) {
    absl::StrAppend(&message, "\n    ", lines[i]);
  }
  const Outcome outcome = OutcomeOf(*exit, lines);
  // A log for which there is no room does not say so.
  const bool is_full = outcome == Outcome::kFailed && IsDiskFull(plan_.folder());
  return {is_full ? Outcome::kDiskFull : outcome, message};
}

Verdict StepRunner::ConfirmDone(const Step& step) {
  if (absl::Status ended = disk_.RulesOf(step).End(step); !ended.ok()) return VerdictOf(ended);
  const absl::StatusOr<StepState> state = disk_.Of(step, Thoroughness::kPresence);
  if (!state.ok()) return {Outcome::kFailed, std::string(state.status().message())};
  if (*state == StepState::kNotReproducible) {
    return {Outcome::kNotReproducible, "a run whose repetitions differ"};
  }
  if (*state == StepState::kDone) return {};
  return {Outcome::kFailed, "its process ended well, but what it was to leave is not on disk"};
}

Verdict StepRunner::ConfirmIncomplete(const Step& step, const Verdict& verdict) {
  const absl::Status noted = NoteMissed(workspace_, step, verdict.message);
  if (!noted.ok()) return {Outcome::kFailed, std::string(noted.message())};
  Verdict confirmed = ConfirmDone(step);
  return confirmed.outcome == Outcome::kDone ? verdict : confirmed;
}

Verdict StepRunner::Attempt(const Step& step) {
  StepRules& rules = disk_.RulesOf(step);
  if (step.may_be_missing) {
    const std::string why = WhyItDoesNotStart(plan_, step, signals_);
    if (signals_.WasInterrupted()) return {Outcome::kInterrupted, "interrupted"};
    if (!why.empty()) return {Outcome::kIncomplete, why};
  }
  if (absl::Status begun = rules.Begin(step); !begun.ok()) return VerdictOf(begun);
  const std::vector<std::string> command = rules.CommandOf(step);
  if (command.empty()) return VerdictOf(rules.Do(step));
  Verdict verdict = RunProcess(step, command);
  if (verdict.outcome == Outcome::kIncomplete && rules.IsDoneWithoutWhatIsMissing()) {
    return ConfirmIncomplete(step, verdict);
  }
  return verdict.outcome == Outcome::kDone ? ConfirmDone(step) : verdict;
}

bool StepRunner::WaitBeforeRetry(int retries) {
  const double seconds =
      std::min(kLongestBackoff, plan_.limits().backoff_seconds() * std::pow(2, retries));
  for (const double end = Now() + seconds; Now() < end && !signals_.WasInterrupted();) {
    signals_.Wait(std::min(1.0, std::max(0.0, end - Now())));
  }
  return !signals_.WasInterrupted();
}

Verdict StepRunner::Run(const Step& step) {
  std::vector<std::string> notes;
  const absl::Status room = disk_.RulesOf(step).MakeRoom(step, notes);
  for (const std::string& note : notes) session_.Note(note);
  if (!room.ok()) return VerdictOf(room);
  for (int retries = 0;; ++retries) {
    session_.Record("begin", step.id, 0, "");
    Verdict verdict = Attempt(step);
    const int allowed = verdict.outcome == Outcome::kOutOfMemory    ? 1
                        : verdict.outcome == Outcome::kMayBeRetried ? plan_.limits().retries()
                                                                    : 0;
    if (retries >= allowed) return verdict;
    session_.Note(absl::StrCat(step.id, ": ", verdict.message, "\n", step.id, ": retry ",
                               retries + 1, " of ", allowed));
    session_.Record("failed", step.id, 0, verdict.message);
    if (!WaitBeforeRetry(retries)) return {Outcome::kInterrupted, "interrupted"};
  }
}

}  // namespace forensics::pods
