// --cpu_isa: the instruction sets that libtorch and the libraries in it can be limited to, so that
// one CPU offers several classes of hardware. The project's own kernels give the same bits on all.
#ifndef RUNNER_ENGINE_INSTRUCTION_SET_H_
#define RUNNER_ENGINE_INSTRUCTION_SET_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

struct InstructionSet {
  std::string name;                    // "avx2"
  std::string label;                   // in the hardware's: "AVX2"
  std::vector<std::string> cpu_flags;  // that the CPU must have, as /proc/cpuinfo calls them
  // What limits ATen's own kernels, oneDNN and MKL; each reads its variable once, at its start.
  std::map<std::string, std::string> environment;
};

// InvalidArgument, listing the names, for any but avx2, avx512 and amx.
absl::StatusOr<InstructionSet> FindInstructionSet(absl::string_view name);

// FailedPrecondition, naming the flags that are missing and what the CPU has instead, unless this
// CPU has `set`. `cpuinfo` is the text of /proc/cpuinfo.
absl::Status CheckCpuHas(const InstructionSet& set, absl::string_view cpuinfo);

// The text of /proc/cpuinfo.
std::string CpuInfo();

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_INSTRUCTION_SET_H_
