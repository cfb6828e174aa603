// What can be known to be wrong before time is spent.
#ifndef PODS_CHECKS_H_
#define PODS_CHECKS_H_

#include <vector>

#include "pods/child_process.h"
#include "pods/finding.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

// Of what `left`, the steps that are not done, need: tools, documents, models' folders, disk, the
// hub, NCCL. All of it is looked at, whatever is wrong. Models' gigabytes become what the hub says
// is left to fetch of them.
std::vector<Finding> CheckMachine(Plan& plan, const std::vector<Step>& left,
                                  const FindTool& find_tool, SignalGuard& signals);

}  // namespace forensics::pods

#endif  // PODS_CHECKS_H_
