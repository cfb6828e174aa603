#include "pods/gpu_checks.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pods/ask.h"
#include "pods/configurations.h"
#include "pods/disk_room.h"

namespace forensics::pods {
namespace {

constexpr double kBytesPerMebibyte = 1 << 20;
constexpr double kNcclSeconds = 300;  // processes on every GPU, started twice
constexpr char kSharedMemory[] = "/dev/shm";
constexpr double kSharedGigabytes = 1;  // containers come with 64 MiB

// One finding for each CUDA version that is run.
void CheckDrivers(const Plan& plan, const std::string& driver, const std::vector<Step>& left,
                  std::vector<Finding>& findings) {
  if (plan.machine().cuda_version().empty()) {
    findings.push_back(
        {Finding::kNote, "driver",
         "not looked at: neither machine.cuda_version nor a bundle's MANIFEST beside "
         "the tools says which CUDA version they are built with",
         ""});
  }
  std::vector<std::string> versions;
  if (!plan.machine().cuda_version().empty()) versions.push_back(plan.machine().cuda_version());
  for (const CudaVersion& build : plan.cuda_versions()) {
    const bool is_run = std::any_of(left.begin(), left.end(), [&build](const Step& step) {
      return step.may_be_missing && !LacksProgram(step) &&
             step.suffixes.front() == CudaSuffix(build.version());
    });
    if (is_run) versions.push_back(build.version());
  }
  for (const std::string& version : versions) {
    const DriverVerdict verdict = CheckDriver(driver, version);
    findings.push_back({verdict.works ? Finding::kOk : Finding::kWrong, "driver", verdict.text,
                        verdict.works ? ""
                                      : "rent a machine with a later driver, or take tools that "
                                        "are built with an older CUDA version"});
  }
}

bool NeedGpusTogether(const Plan& plan, const std::vector<Step>& left) {
  return plan.machine().device() == "cuda" && plan.machine().gpus() > 1 &&
         std::any_of(left.begin(), left.end(), [](const Step& step) {
           return step.experiment == kTensorParallel || step.experiment == kExpertParallel;
         });
}

Finding CheckNccl(const Plan& plan, const FindTool& find_tool, SignalGuard& signals) {
  const Answer answer = Ask(
      plan, "nccl", {find_tool("nccl_bandwidth"), absl::StrCat("--gpus=", plan.machine().gpus())},
      signals, kNcclSeconds);
  if (answer.ok) return {Finding::kOk, "nccl", answer.lines.empty() ? "" : answer.lines.back(), ""};
  return {Finding::kWrong, "nccl", answer.text,
          "experiments 7 and 8 need an all-reduce over all GPUs: see that NCCL is there and that "
          "the container has enough /dev/shm"};
}

// NCCL's processes meet there; with too little they fail in the middle of a sum.
Finding CheckSharedMemory() {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(kSharedMemory, error);
  const double gigabytes = error ? 0 : static_cast<double>(space.capacity) / kBytesPerGigabyte;
  const bool is_enough = gigabytes >= kSharedGigabytes;
  return {is_enough ? Finding::kOk : Finding::kWrong, "shm",
          absl::StrFormat("%s: %.2f GB, expected at least %.0f", kSharedMemory, gigabytes,
                          kSharedGigabytes),
          is_enough ? "" : "start the container with more (--shm-size=8g, or --ipc=host)"};
}

}  // namespace

absl::StatusOr<std::vector<GpuFacts>> ReadGpus(const Plan& plan, SignalGuard& signals) {
  const Answer answer =
      Ask(plan, "gpu", {"nvidia-smi", kNvidiaSmiQuery, kNvidiaSmiFormat}, signals);
  if (!answer.ok) return absl::UnavailableError(absl::StrCat("nvidia-smi: ", answer.text));
  return ParseGpuFacts(answer.text);
}

std::vector<Finding> CheckGpus(const Plan& plan, const absl::StatusOr<std::vector<GpuFacts>>& gpus,
                               const std::vector<Step>& left) {
  const Machine& machine = plan.machine();
  if (!gpus.ok() || gpus->empty()) {
    return {{Finding::kWrong, "gpu",
             gpus.ok() ? "nvidia-smi names none" : std::string(gpus.status().message()),
             "rent a machine with an NVIDIA GPU, and start the container with it (--gpus all)"}};
  }
  std::vector<Finding> findings;
  const auto count = static_cast<int>(gpus->size());
  const GpuFacts& first = gpus->front();
  findings.push_back({count < machine.gpus() ? Finding::kWrong : Finding::kOk, "gpu",
                      absl::StrCat(count, " x ", first.name, ", expected ", machine.gpus()),
                      count < machine.gpus() ? "rent a machine with as many" : ""});
  for (const GpuFacts& gpu : *gpus) {
    if (gpu.name != first.name || !absl::StrContains(gpu.name, machine.gpu())) {
      findings.push_back({Finding::kWrong, "gpu",
                          absl::StrCat(gpu.name, ", expected ",
                                       gpu.name != first.name ? first.name : machine.gpu()),
                          "rent a machine of that kind, or change machine.gpu"});
    }
    const double gigabytes =
        static_cast<double>(gpu.memory_mib) * kBytesPerMebibyte / kBytesPerGigabyte;
    if (gigabytes < machine.min_gpu_gigabytes()) {
      findings.push_back({Finding::kWrong, "gpu",
                          absl::StrFormat("%s: %.1f GB of memory, expected at least %.1f", gpu.name,
                                          gigabytes, machine.min_gpu_gigabytes()),
                          "rent a machine with larger GPUs"});
    }
    if (gpu.used_mib > gpu.memory_mib / 10) {
      findings.push_back(
          {Finding::kNote, "gpu",
           absl::StrCat(gpu.used_mib, " of ", gpu.memory_mib, " MiB are taken by another process"),
           ""});
    }
  }
  CheckDrivers(plan, first.driver, left, findings);
  return findings;
}

std::vector<Finding> CheckGpusTogether(const Plan& plan, const std::vector<Step>& left,
                                       const FindTool& find_tool, SignalGuard& signals) {
  if (!NeedGpusTogether(plan, left)) return {};
  return {CheckSharedMemory(), CheckNccl(plan, find_tool, signals)};
}

}  // namespace forensics::pods
