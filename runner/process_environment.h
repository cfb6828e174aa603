// Environment variables that libraries read once, at their start: this program sets them for itself
// by starting again.
#ifndef RUNNER_PROCESS_ENVIRONMENT_H_
#define RUNNER_PROCESS_ENVIRONMENT_H_

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

using Environment = std::map<std::string, std::string>;

// The value of a variable, or null.
using Lookup = std::function<const char*(const char* name)>;

// What the environment depends on.
struct EnvironmentOptions {
  bool cuda = false;    // the device is a GPU
  std::string cpu_isa;  // limit of the instruction set; empty: none
};

// What of the runner's environment is yet to be set:
//  * a short spin of idle OpenMP threads, unless the user chose. By default they spin for
//    milliseconds, which on a machine that is busy otherwise takes the cores from those they wait
//    for. No bit depends on it.
//  * with `cuda`, what makes CUDA's libraries repeat themselves, variables that the user set
//    excepted: cuBLAS's fixed workspace, no TF32 in any library, and NCCL's fixed path
//    (runner/parallel/nccl_settings.h).
//  * the limits of `cpu_isa`, unless it is empty; see instruction_set.h. Whatever else the user set
//    gives way.
// UsageError for a name that is none; FailedPrecondition if the CPU, by the text of /proc/cpuinfo,
// lacks that instruction set.
absl::StatusOr<Environment> MissingEnvironment(const EnvironmentOptions& options,
                                               absl::string_view cpuinfo, const Lookup& lookup);

// Starts this program again with what MissingEnvironment says of this process and CPU; returns
// where that is nothing, or an error.
absl::Status EnsureEnvironment(const EnvironmentOptions& options, char** argv);

}  // namespace forensics::runner

#endif  // RUNNER_PROCESS_ENVIRONMENT_H_
