// What is wrong with the GPUs, their driver and what lies between them.
#ifndef PODS_GPU_CHECKS_H_
#define PODS_GPU_CHECKS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "pods/child_process.h"
#include "pods/finding.h"
#include "pods/gpu_facts.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

// The GPUs as nvidia-smi names them. Unavailable where it is not there or fails.
absl::StatusOr<std::vector<GpuFacts>> ReadGpus(const Plan& plan, SignalGuard& signals);

// GPUs of the right number, name and memory, with a driver for each CUDA version that the plan
// runs. `left`: the steps that are not done.
std::vector<Finding> CheckGpus(const Plan& plan, const absl::StatusOr<std::vector<GpuFacts>>& gpus,
                               const std::vector<Step>& left);

// Where `left` needs several GPUs: the shared memory between their processes, and a sum over all.
std::vector<Finding> CheckGpusTogether(const Plan& plan, const std::vector<Step>& left,
                                       const FindTool& find_tool, SignalGuard& signals);

}  // namespace forensics::pods

#endif  // PODS_GPU_CHECKS_H_
