// The machine's GPUs, and which driver a CUDA version needs.
#ifndef PODS_GPU_FACTS_H_
#define PODS_GPU_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::pods {

struct GpuFacts {
  std::string name;    // "NVIDIA H100 80GB HBM3"
  std::string driver;  // "570.86.15"
  int64_t memory_mib = 0;
  int64_t used_mib = 0;
};

// The query whose answer ParseGpuFacts reads.
inline constexpr char kNvidiaSmiQuery[] =
    "--query-gpu=name,driver_version,memory.total,memory.used";
inline constexpr char kNvidiaSmiFormat[] = "--format=csv,noheader,nounits";

// One line a GPU. An error quotes the line that is not of that form.
absl::StatusOr<std::vector<GpuFacts>> ParseGpuFacts(absl::string_view csv);

struct DriverVerdict {
  bool works = false;
  std::string text;  // "driver 535.86 runs CUDA 12.8 by minor-version compatibility; ..."
};

// Whether `driver` ("570.86.15") runs programs built with `cuda_version` ("12.8"). By NVIDIA's
// table of minimum drivers (CUDA Compatibility, and the toolkits' release notes): the toolkit's own
// driver, or an older one of the same major version.
DriverVerdict CheckDriver(absl::string_view driver, absl::string_view cuda_version);

}  // namespace forensics::pods

#endif  // PODS_GPU_FACTS_H_
