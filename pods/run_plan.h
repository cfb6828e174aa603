// Works through a plan's steps.
#ifndef PODS_RUN_PLAN_H_
#define PODS_RUN_PLAN_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pods/child_process.h"
#include "pods/display.h"
#include "pods/journal.h"
#include "pods/outcome.h"
#include "pods/plan.pb.h"
#include "pods/step_state.h"
#include "pods/steps.h"

namespace forensics::pods {

class PlanRunner {
 public:
  PlanRunner(const Plan& plan, std::vector<Step> steps, std::vector<GpuFacts> gpus,
             Journal& journal, SignalGuard& signals, Display& display);

  // Runs what is not done, in order, and returns an exit code of schema/command_line.h. A step that
  // fails keeps those that need it from being run, no others; one that is not reproducible, a full
  // disk and an interruption end all. What is done is never done again, so that after any end the
  // same call goes on. `left_out` is what the plan has no step for: named at the end as missing.
  int Run(std::vector<std::string> left_out);

  // Of this moment.
  std::vector<StepView> Views() const;

 private:
  struct Verdict {
    Outcome outcome = Outcome::kDone;
    std::string message;
  };

  // Damaged results are made again.
  absl::Status SetDamagedAside();
  bool CanBeRun(const Step& step) const;
  Verdict RunStep(const Step& step);
  Verdict Attempt(const Step& step);
  Verdict RunProcess(const Step& step);
  static Verdict VerdictOf(const absl::Status& status);
  absl::Status DeleteModel(const Step& step) const;
  // For the model of a fetch step that does not fit: deletes those that lie here because the step
  // failed that needed them. An error says what is still in the way.
  absl::Status MakeRoom(const Step& step);
  Verdict Confirm(const Step& step) const;
  // Whether to go on with the next step.
  bool Settle(const Step& step, const Verdict& verdict, double seconds);
  absl::Status Prepare(const Step& step) const;
  // Of a tool that did its work although something was missing, which is noted.
  Verdict ConfirmIncomplete(const Step& step, const Verdict& verdict) const;
  std::vector<std::string> CommandOf(const Step& step) const;
  bool WaitBeforeRetry(int retries);
  void Record(const std::string& kind, const std::string& step, double seconds,
              const std::string& message);
  void Redraw(const Step& step, double seconds);
  void Draw();
  std::string Total() const;

  const Plan& plan_;
  const std::vector<Step> steps_;
  const Workspace workspace_;
  const DiskState disk_;
  Journal& journal_;
  SignalGuard& signals_;
  Display& display_;

  std::map<std::string, StepView> views_;
  double seconds_before_ = 0;  // at work in earlier sessions
  double began_ = 0;
  double last_alive_ = 0;
  std::vector<std::string> missing_;
  std::vector<std::string> failed_;
  int stop_code_ = 0;
};

// Seconds since 1970 when this was first called, and those that passed since: a time of day that is
// set meanwhile changes no duration.
double Now();

}  // namespace forensics::pods

#endif  // PODS_RUN_PLAN_H_
