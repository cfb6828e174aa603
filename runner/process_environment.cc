#include "runner/process_environment.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/engine/instruction_set.h"
#include "runner/parallel/nccl_settings.h"
#include "schema/command_line.h"

namespace forensics::runner {
namespace {

bool Is(const char* value, const std::string& wanted) {
  return value != nullptr && value == wanted;
}

// cuBLAS splits products by the workspace that it has, and takes one of a pool unless it is fixed.
constexpr std::pair<const char*, const char*> kCuda[] = {{"CUBLAS_WORKSPACE_CONFIG", ":4096:8"},
                                                         {"NVIDIA_TF32_OVERRIDE", "0"}};

void AddCuda(const Lookup& lookup, Environment& missing) {
  const auto add = [&](const char* name, const char* value) {
    if (lookup(name) == nullptr) missing[name] = value;
  };
  for (const auto& [name, value] : kCuda) add(name, value);
  for (const auto& [name, value] : kNcclSettings) add(name, value);
}

}  // namespace

absl::StatusOr<Environment> MissingEnvironment(const EnvironmentOptions& options,
                                               absl::string_view cpuinfo, const Lookup& lookup) {
  Environment missing;
  if (lookup("GOMP_SPINCOUNT") == nullptr && lookup("OMP_WAIT_POLICY") == nullptr) {
    missing["GOMP_SPINCOUNT"] = "2000";
  }
  if (options.cuda) AddCuda(lookup, missing);
  if (options.cpu_isa.empty()) return missing;
  const absl::StatusOr<InstructionSet> set = FindInstructionSet(options.cpu_isa);
  if (!set.ok()) return schema::UsageError(absl::StrCat("--cpu_isa: ", set.status().message()));
  if (absl::Status status = CheckCpuHas(*set, cpuinfo); !status.ok()) return status;
  for (const auto& [name, value] : set->environment) {
    if (!Is(lookup(name.c_str()), value)) missing[name] = value;
  }
  return missing;
}

absl::Status EnsureEnvironment(const EnvironmentOptions& options, char** argv) {
  const absl::StatusOr<Environment> missing =
      MissingEnvironment(options, CpuInfo(), [](const char* name) { return std::getenv(name); });
  if (!missing.ok() || missing->empty()) return missing.status();
  for (const auto& [name, value] : *missing) setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  execv("/proc/self/exe", argv);
  return absl::InternalError(
      absl::StrCat("this program cannot start itself again: ", std::strerror(errno)));
}

}  // namespace forensics::runner
