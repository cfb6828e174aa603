// What can be known to be wrong before time is spent.
#ifndef PODS_CHECKS_H_
#define PODS_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pods/child_process.h"
#include "pods/gpu_facts.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

struct Finding {
  enum Verdict { kOk, kNote, kWrong };
  Verdict verdict = kOk;
  std::string subject;  // "disk"
  std::string text;     // what was found, and what was expected
  std::string advice;   // what to do, where it is wrong
};

// "wrong  disk      /pod: 3.1 GB free, 36 GB needed\n                 what to do: ..."
std::string FindingText(const Finding& finding);

bool AnyWrong(const std::vector<Finding>& findings);

// The GPUs as nvidia-smi names them. Unavailable where it is not there or fails.
absl::StatusOr<std::vector<GpuFacts>> ReadGpus(const Plan& plan, SignalGuard& signals);

// GPUs of the right number and name, with a driver for each CUDA version that the plan runs.
// `left`: the steps that are not done.
std::vector<Finding> CheckGpus(const Plan& plan, const absl::StatusOr<std::vector<GpuFacts>>& gpus,
                               const std::vector<Step>& left);

// Of what `left`, the steps that are not done, need: tools, documents, models' folders, disk, the
// hub, NCCL. All of it is looked at, whatever is wrong.
std::vector<Finding> CheckMachine(const Plan& plan, const std::vector<Step>& left,
                                  const FindTool& find_tool, SignalGuard& signals);

}  // namespace forensics::pods

#endif  // PODS_CHECKS_H_
