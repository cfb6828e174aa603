// Works off one step of a plan.
#ifndef PODS_RUN_STEP_H_
#define PODS_RUN_STEP_H_

#include <string>

#include "absl/status/status.h"
#include "pods/child_process.h"
#include "pods/outcome.h"
#include "pods/plan.pb.h"
#include "pods/session.h"
#include "pods/step_state.h"
#include "pods/steps.h"
#include "pods/workspace.h"

namespace forensics::pods {

struct Verdict {
  Outcome outcome = Outcome::kDone;
  std::string message;  // why it is not done, or what is missing; further lines: of its log
};

class StepRunner {
 public:
  StepRunner(const Plan& plan, DiskState& disk, SignalGuard& signals, Session& session)
      : plan_(plan), workspace_(plan.folder()), disk_(disk), signals_(signals), session_(session) {}

  // Runs the step, again where that may help, until it is done or will not be. What its process
  // says is done must be found done.
  Verdict Run(const Step& step);

 private:
  Verdict Attempt(const Step& step);
  Verdict RunProcess(const Step& step, std::vector<std::string> command);
  Verdict ConfirmDone(const Step& step);
  // Of a tool that did its work although something was missing, which is noted.
  Verdict ConfirmIncomplete(const Step& step, const Verdict& verdict);
  bool WaitBeforeRetry(int retries);

  const Plan& plan_;
  const Workspace workspace_;
  DiskState& disk_;
  SignalGuard& signals_;
  Session& session_;
};

}  // namespace forensics::pods

#endif  // PODS_RUN_STEP_H_
