// How far a plan is, for people who ask while it runs or long after.
#ifndef PODS_PLAN_STATUS_H_
#define PODS_PLAN_STATUS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pods/plan.pb.h"
#include "pods/step_state.h"
#include "pods/steps.h"

namespace forensics::pods {

struct PlanStatus {
  // Folder, and who is at work there; table, time and cost; why steps that are not done failed when
  // they were last tried; what is missing.
  std::string text;
  bool is_complete = false;  // all is done and nothing missing
};

// By what lies on disk, with times and reasons of the journal's. `holders`: the processes that are
// at work in the plan's folder, as LockHolders names them. An error if the journal cannot be read.
absl::StatusOr<PlanStatus> StatusOfPlan(const Plan& plan, const std::vector<Step>& steps,
                                        const std::string& holders, DiskState& disk);

}  // namespace forensics::pods

#endif  // PODS_PLAN_STATUS_H_
