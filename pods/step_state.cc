#include "pods/step_state.h"

#include <utility>

#include "pods/made_steps.h"
#include "pods/model_steps.h"
#include "pods/run_steps.h"

namespace forensics::pods {

DiskState::DiskState(const Plan& plan, const std::vector<Step>& steps, std::vector<GpuFacts> gpus)
    : steps_(steps), workspace_(plan.folder()), given_(plan.folder()) {
  const auto is_done = [this](const Step& step) {
    const absl::StatusOr<StepState> state = Of(step, Thoroughness::kPresence);
    return state.ok() && *state == StepState::kDone;
  };
  rules_[StepKind::kFetch] = std::make_unique<FetchRules>(plan, steps, is_done);
  rules_[StepKind::kTrial] = std::make_unique<TrialRules>(plan, std::move(gpus), runs_, given_);
  rules_[StepKind::kTrialFuse] = std::make_unique<MadeRules>(plan, made_);
  rules_[StepKind::kExperiment] = std::make_unique<ExperimentRules>(plan, runs_, given_);
  rules_[StepKind::kDelete] = std::make_unique<DeleteRules>(plan, steps, is_done);
  rules_[StepKind::kFuse] = std::make_unique<FuseRules>(plan, made_);
  rules_[StepKind::kCompare] = std::make_unique<CompareRules>(plan, made_);
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
