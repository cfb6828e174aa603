#include "pods/step_state.h"

#include <utility>

namespace forensics::pods {

DiskState::DiskState(const Plan& plan, const std::vector<Step>& steps, std::vector<GpuFacts> gpus)
    : steps_(steps),
      workspace_(plan.folder()),
      given_(plan.folder()),
      fetch_(plan, steps, [this](const Step& step) { return IsDone(step); }),
      trial_(plan, std::move(gpus), runs_, given_),
      trial_fuse_(plan, made_),
      experiment_(plan, runs_, given_),
      delete_(plan, steps, [this](const Step& step) { return IsDone(step); }),
      fuse_(plan, made_),
      compare_(plan, made_) {}

StepRules& DiskState::RulesOf(const Step& step) {
  switch (step.kind) {
    case StepKind::kFetch:
      return fetch_;
    case StepKind::kTrial:
      return trial_;
    case StepKind::kTrialFuse:
      return trial_fuse_;
    case StepKind::kExperiment:
      return experiment_;
    case StepKind::kDelete:
      return delete_;
    case StepKind::kFuse:
      return fuse_;
    case StepKind::kCompare:
      break;
  }
  return compare_;
}

absl::Status DiskState::CheckWork() {
  for (const Step& step : steps_) {
    if (absl::Status status = RulesOf(step).CheckWork(step); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DamagedRun>> DiskState::SetDamagedRunsAside() {
  return pods::SetDamagedRunsAside(workspace_.Results(), workspace_.Damaged(), runs_);
}

}  // namespace forensics::pods
