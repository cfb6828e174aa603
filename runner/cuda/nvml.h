// NVML (NVIDIA's management library, what nvidia-smi shows), found at run time. Its functions are
// declared here, as the CUDA libraries' packages have no nvml.h; docs.nvidia.com/deploy/nvml-api.
#ifndef RUNNER_CUDA_NVML_H_
#define RUNNER_CUDA_NVML_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

struct Nvml {
  using Device = struct nvmlDevice_st*;
  // All return 0 for success.
  int (*nvmlInit_v2)();
  int (*nvmlSystemGetDriverVersion)(char* version, unsigned length);
  int (*nvmlDeviceGetHandleByUUID)(const char* uuid, Device* device);
  int (*nvmlDeviceGetMigMode)(Device device, unsigned* current, unsigned* pending);
  int (*nvmlDeviceGetEccMode)(Device device, unsigned* current, unsigned* pending);
  int (*nvmlDeviceGetPersistenceMode)(Device device, unsigned* mode);
  int (*nvmlDeviceGetPowerManagementLimit)(Device device, unsigned* milliwatts);
  int (*nvmlDeviceGetMaxClockInfo)(Device device, unsigned clock, unsigned* megahertz);
  int (*nvmlDeviceGetClockInfo)(Device device, unsigned clock, unsigned* megahertz);
  int (*nvmlDeviceGetTemperature)(Device device, unsigned sensor, unsigned* celsius);
  int (*nvmlDeviceGetPowerUsage)(Device device, unsigned* milliwatts);
  int (*nvmlDeviceGetTotalEccErrors)(Device device, unsigned type, unsigned counter,
                                     unsigned long long* count);
  int (*nvmlDeviceGetCurrentClocksThrottleReasons)(Device device, unsigned long long* reasons);

  // The one instance, or null where there is none or it does not start. A function that this NVML
  // lacks is null.
  static const Nvml* Get();
};

// What of a GPU stays as it is while a program runs.
struct NvmlFacts {
  std::string driver;  // "580.65.06"
  std::string mig;     // "enabled" or "disabled"
  // "ecc_mode", "persistence_mode", "power_limit_watts", "max_sm_clock_mhz",
  // "max_memory_clock_mhz".
  std::map<std::string, std::string> others;
};

// Facts about the GPU with this UUID ("GPU-..."); what NVML does not say stays empty or is left
// out.
NvmlFacts ReadNvmlFacts(const Nvml& nvml, absl::string_view uuid);

// How the GPU is doing at the moment: "sm_clock_mhz", "memory_clock_mhz", "temperature_celsius",
// "power_watts", "clock_limits" (a bit for each reason why clocks are lower than they could be, in
// hex), "ecc_uncorrected" and "ecc_corrected" (errors since the driver was loaded). What NVML does
// not say is left out.
std::map<std::string, std::string> ReadNvmlCondition(const Nvml& nvml, absl::string_view uuid);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_NVML_H_
