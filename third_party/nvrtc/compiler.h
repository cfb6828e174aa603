// CUDA C++ to machine code by NVRTC, which needs neither nvcc nor a GPU.
#ifndef THIRD_PARTY_NVRTC_COMPILER_H_
#define THIRD_PARTY_NVRTC_COMPILER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace nvrtc {

struct Compiled {
  std::string cubin;
  std::string report;  // ptxas's: registers, stack and spills of each kernel; no times
};

// Compiles for one architecture, such as "sm_90". No fused multiply-add but those that the source
// writes (-fmad=false). The error is the compiler's log.
absl::StatusOr<Compiled> CompileToCubin(const std::string& source, const std::string& name,
                                        const std::string& arch,
                                        const std::vector<std::string>& include_dirs);

}  // namespace nvrtc

#endif  // THIRD_PARTY_NVRTC_COMPILER_H_
