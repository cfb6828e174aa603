#include "runner/other_build.h"

#include "absl/strings/str_cat.h"
#include "runner/engine/machine.h"

namespace forensics::runner {

bool IsThisBuild(const std::string& cuda_version) {
  return cuda_version == "default" || cuda_version == LibtorchCudaVersion();
}

absl::StatusOr<std::string> ProgramFor(const std::string& cuda_version,
                                       const RunnerOptions& options) {
  if (IsThisBuild(cuda_version)) return "/proc/self/exe";
  const auto build = options.other_builds.find(cuda_version);
  if (build != options.other_builds.end()) return build->second;
  return absl::UnavailableError(
      absl::StrCat("no runner that is built against libtorch for CUDA ", cuda_version,
                   " comes along; third_party/torch/versions.bzl says how to add that libtorch"));
}

}  // namespace forensics::runner
