// What of a plan is done, as what lies on disk says.
#ifndef PODS_STEP_STATE_H_
#define PODS_STEP_STATE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pods/damaged_runs.h"
#include "pods/file_digests.h"
#include "pods/gpu_facts.h"
#include "pods/made_steps.h"
#include "pods/model_steps.h"
#include "pods/plan.pb.h"
#include "pods/run_reader.h"
#include "pods/run_steps.h"
#include "pods/step_rules.h"
#include "pods/steps.h"
#include "pods/workspace.h"

namespace forensics::pods {

// The table of all kinds of steps, and what their rules share: one of it in a process, so that what
// is on disk is read once.
class DiskState {
 public:
  // `gpus`: those of this machine; a trial on another machine's does not count. Plan and steps must
  // outlive this.
  DiskState(const Plan& plan, const std::vector<Step>& steps, std::vector<GpuFacts> gpus);
  DiskState(const DiskState&) = delete;
  DiskState& operator=(const DiskState&) = delete;

  StepRules& RulesOf(const Step& step);
  absl::StatusOr<StepState> Of(const Step& step, Thoroughness thoroughness) {
    return RulesOf(step).StateOf(step, thoroughness);
  }

  // StepRules::CheckWork of all steps.
  absl::Status CheckWork();

  // Moves damaged results away, so that they are made again.
  absl::StatusOr<std::vector<DamagedRun>> SetDamagedRunsAside();

 private:
  bool IsDone(const Step& step) {
    const absl::StatusOr<StepState> state = Of(step, Thoroughness::kPresence);
    return state.ok() && *state == StepState::kDone;
  }

  const std::vector<Step>& steps_;
  const Workspace workspace_;
  RunReader runs_;
  FileDigests given_;  // of what the plan gives to runs
  FileDigests made_;   // of what tools made, which no later start believes
  FetchRules fetch_;
  TrialRules trial_;
  MadeRules trial_fuse_;
  ExperimentRules experiment_;
  DeleteRules delete_;
  FuseRules fuse_;
  CompareRules compare_;
};

}  // namespace forensics::pods

#endif  // PODS_STEP_STATE_H_
