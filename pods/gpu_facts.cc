#include "pods/gpu_facts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace forensics::pods {
namespace {

struct DriverTable {
  const char* cuda_version;
  const char* toolkit;  // the driver that comes with it
  const char* minimum;  // by minor-version compatibility
};

// CUDA 11's programs run from 450.80 on; the runner's launch by cuLaunchKernelEx, which no driver
// before 11.8's has.
constexpr DriverTable kDrivers[] = {
    {"11.8", "520.61", "520.61"}, {"12.1", "530.30", "525.60"}, {"12.6", "560.28", "525.60"},
    {"12.8", "570.26", "525.60"}, {"13.0", "580.65", "580.65"},
};

// "570.86.15" -> {570, 86, 15}; empty where it is no version.
std::vector<int> Version(absl::string_view text) {
  std::vector<int> parts;
  for (const absl::string_view part : absl::StrSplit(text, '.')) {
    int value = 0;
    if (!absl::SimpleAtoi(part, &value)) return {};
    parts.push_back(value);
  }
  return parts;
}

}  // namespace

absl::StatusOr<std::vector<GpuFacts>> ParseGpuFacts(absl::string_view csv) {
  std::vector<GpuFacts> gpus;
  for (const absl::string_view line : absl::StrSplit(csv, '\n', absl::SkipWhitespace())) {
    std::vector<std::string> fields = absl::StrSplit(line, ',');
    for (std::string& field : fields) absl::StripAsciiWhitespace(&field);
    GpuFacts gpu;
    if (fields.size() != 4 || !absl::SimpleAtoi(fields[2], &gpu.memory_mib) ||
        !absl::SimpleAtoi(fields[3], &gpu.used_mib)) {
      // So nvidia-smi has the memory of one that is shared out.
      const bool is_mig = fields.size() == 4 && absl::StrContains(line, "[N/A]");
      return absl::InvalidArgumentError(
          absl::StrCat("expected name, driver, memory, used; found '", line, "'",
                       is_mig ? ": a GPU cut into MIG instances, on which nothing can be measured; "
                                "rent a whole one"
                              : ""));
    }
    gpu.name = fields[0];
    gpu.driver = fields[1];
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

DriverVerdict CheckDriver(absl::string_view driver, absl::string_view cuda_version) {
  const auto known =
      std::find_if(std::begin(kDrivers), std::end(kDrivers),
                   [&](const DriverTable& entry) { return entry.cuda_version == cuda_version; });
  if (known == std::end(kDrivers)) {
    return {false, absl::StrCat("which driver CUDA ", cuda_version, " needs is not known here")};
  }
  const std::vector<int> found = Version(driver);
  if (found.empty()) return {false, absl::StrCat("'", driver, "' is no driver version")};
  if (found >= Version(known->toolkit)) {
    return {true, absl::StrCat("driver ", driver, " runs CUDA ", cuda_version)};
  }
  if (found >= Version(known->minimum)) {
    return {true, absl::StrCat("driver ", driver, " runs CUDA ", cuda_version,
                               " by minor-version compatibility; its own is ", known->toolkit)};
  }
  return {false, absl::StrCat("driver ", driver, " is too old for CUDA ", cuda_version,
                              ", which needs ", known->minimum)};
}

}  // namespace forensics::pods
