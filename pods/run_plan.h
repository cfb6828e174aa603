// Works through a plan's steps.
#ifndef PODS_RUN_PLAN_H_
#define PODS_RUN_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "pods/child_process.h"
#include "pods/display.h"
#include "pods/journal.h"
#include "pods/plan.pb.h"
#include "pods/run_step.h"
#include "pods/session.h"
#include "pods/step_state.h"
#include "pods/steps.h"
#include "pods/workspace.h"

namespace forensics::pods {

class PlanRunner {
 public:
  // `steps`: those to work off, some or all of those that `disk` knows.
  PlanRunner(const Plan& plan, const std::vector<Step>& steps, DiskState& disk, Journal& journal,
             SignalGuard& signals, Display& display);

  // Runs what is not done, in order, and returns an exit code of schema/command_line.h. A step that
  // fails keeps those that need it from being run, no others; one that is not reproducible, a full
  // disk and an interruption end all. What is done is never done again, so that after any end the
  // same call goes on. `left_out` is what the plan has no step for: named at the end as missing.
  int Run(std::vector<std::string> left_out);

 private:
  // Damaged results are made again.
  absl::Status SetDamagedAside();
  // Of one step, done or not; whether to go on with the next.
  bool WorkOff(const Step& step);
  Verdict RunOrRefuse(const Step& step, const absl::StatusOr<StepState>& state);
  bool CanBeRun(const Step& step);
  bool Settle(const Step& step, const Verdict& verdict, double seconds);
  int Conclude();

  const Plan& plan_;
  const std::vector<Step>& steps_;
  const Workspace workspace_;
  DiskState& disk_;
  Session session_;
  StepRunner step_runner_;
  std::vector<std::string> missing_;
  std::vector<std::string> failed_;
  int stop_code_ = 0;
};

}  // namespace forensics::pods

#endif  // PODS_RUN_PLAN_H_
