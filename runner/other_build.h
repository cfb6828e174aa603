// The axis cuda_version: this runner, built against another libtorch, in a process of its own.
#ifndef RUNNER_OTHER_BUILD_H_
#define RUNNER_OTHER_BUILD_H_

#include <string>

#include "absl/status/statusor.h"
#include "runner/runner_options.h"

namespace forensics::runner {

// Whether `cuda_version` ("default", "12.6") is that of the libtorch this program is built with.
bool IsThisBuild(const std::string& cuda_version);

// The program that runs configurations of `cuda_version`: this one, or one of options.other_builds.
// Unavailable, saying how to get it, where there is none.
absl::StatusOr<std::string> ProgramFor(const std::string& cuda_version,
                                       const RunnerOptions& options);

}  // namespace forensics::runner

#endif  // RUNNER_OTHER_BUILD_H_
