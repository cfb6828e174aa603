#include "runner/cuda/nvml.h"

#include <dlfcn.h>

#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace forensics::runner {
namespace {

using Facts = std::map<std::string, std::string>;

constexpr int kSuccess = 0;
constexpr unsigned kSmClock = 1, kMemoryClock = 2;    // nvmlClockType_t
constexpr unsigned kGpuSensor = 0;                    // nvmlTemperatureSensors_t
constexpr unsigned kCorrected = 0, kUncorrected = 1;  // nvmlMemoryErrorType_t
constexpr unsigned kSinceTheDriverWasLoaded = 0;      // nvmlEccCounterType_t: volatile

// `function(arguments...)` succeeded; not where NVML lacks it.
template <typename Function, typename... Arguments>
bool Ask(Function function, Arguments... arguments) {
  return function != nullptr && function(arguments...) == kSuccess;
}

const char* OnOff(unsigned mode) { return mode == 0 ? "disabled" : "enabled"; }

// A whole GPU's or a part's (MIG): the driver gives both UUIDs without saying which it is.
Nvml::Device FindDevice(const Nvml& nvml, absl::string_view uuid) {
  Nvml::Device device = nullptr;
  const std::string whole(uuid);
  if (Ask(nvml.nvmlDeviceGetHandleByUUID, whole.c_str(), &device)) return device;
  const std::string part = absl::StrCat("MIG-", absl::StripPrefix(uuid, "GPU-"));
  if (Ask(nvml.nvmlDeviceGetHandleByUUID, part.c_str(), &device)) return device;
  return nullptr;
}

void AddClocks(int (*read)(Nvml::Device, unsigned, unsigned*), Nvml::Device device,
               absl::string_view prefix, Facts& facts) {
  unsigned megahertz = 0;
  if (Ask(read, device, kSmClock, &megahertz)) {
    facts[absl::StrCat(prefix, "sm_clock_mhz")] = absl::StrCat(megahertz);
  }
  if (Ask(read, device, kMemoryClock, &megahertz)) {
    facts[absl::StrCat(prefix, "memory_clock_mhz")] = absl::StrCat(megahertz);
  }
}

}  // namespace

const Nvml* Nvml::Get() {
  static const Nvml* const instance = []() -> const Nvml* {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
    if (library == nullptr) return nullptr;
    static Nvml nvml;
#define FORENSICS_FIND(name) \
  nvml.name = reinterpret_cast<decltype(nvml.name)>(dlsym(library, #name))
    FORENSICS_FIND(nvmlInit_v2);
    FORENSICS_FIND(nvmlSystemGetDriverVersion);
    FORENSICS_FIND(nvmlDeviceGetHandleByUUID);
    FORENSICS_FIND(nvmlDeviceGetMigMode);
    FORENSICS_FIND(nvmlDeviceGetEccMode);
    FORENSICS_FIND(nvmlDeviceGetPersistenceMode);
    FORENSICS_FIND(nvmlDeviceGetPowerManagementLimit);
    FORENSICS_FIND(nvmlDeviceGetMaxClockInfo);
    FORENSICS_FIND(nvmlDeviceGetClockInfo);
    FORENSICS_FIND(nvmlDeviceGetTemperature);
    FORENSICS_FIND(nvmlDeviceGetPowerUsage);
    FORENSICS_FIND(nvmlDeviceGetTotalEccErrors);
    FORENSICS_FIND(nvmlDeviceGetCurrentClocksThrottleReasons);
#undef FORENSICS_FIND
    return Ask(nvml.nvmlInit_v2) ? &nvml : nullptr;
  }();
  return instance;
}

NvmlFacts ReadNvmlFacts(const Nvml& nvml, absl::string_view uuid) {
  NvmlFacts facts;
  char version[96] = "";
  if (Ask(nvml.nvmlSystemGetDriverVersion, version, static_cast<unsigned>(sizeof version))) {
    facts.driver = version;
  }
  const Nvml::Device device = FindDevice(nvml, uuid);
  if (device == nullptr) return facts;
  unsigned value = 0, pending = 0;
  if (Ask(nvml.nvmlDeviceGetMigMode, device, &value, &pending)) facts.mig = OnOff(value);
  if (Ask(nvml.nvmlDeviceGetEccMode, device, &value, &pending)) {
    facts.others["ecc_mode"] = OnOff(value);
  }
  if (Ask(nvml.nvmlDeviceGetPersistenceMode, device, &value)) {
    facts.others["persistence_mode"] = OnOff(value);
  }
  if (Ask(nvml.nvmlDeviceGetPowerManagementLimit, device, &value)) {
    facts.others["power_limit_watts"] = absl::StrCat(value / 1000.0);
  }
  AddClocks(nvml.nvmlDeviceGetMaxClockInfo, device, "max_", facts.others);
  return facts;
}

Facts ReadNvmlCondition(const Nvml& nvml, absl::string_view uuid) {
  Facts facts;
  const Nvml::Device device = FindDevice(nvml, uuid);
  if (device == nullptr) return facts;
  AddClocks(nvml.nvmlDeviceGetClockInfo, device, "", facts);
  unsigned value = 0;
  if (Ask(nvml.nvmlDeviceGetTemperature, device, kGpuSensor, &value)) {
    facts["temperature_celsius"] = absl::StrCat(value);
  }
  if (Ask(nvml.nvmlDeviceGetPowerUsage, device, &value)) {
    facts["power_watts"] = absl::StrCat(value / 1000.0);
  }
  unsigned long long count = 0;
  if (Ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, device, &count)) {
    facts["clock_limits"] = absl::StrCat("0x", absl::Hex(count));
  }
  for (const auto& [type, name] :
       {std::pair{kUncorrected, "ecc_uncorrected"}, {kCorrected, "ecc_corrected"}}) {
    if (Ask(nvml.nvmlDeviceGetTotalEccErrors, device, type, kSinceTheDriverWasLoaded, &count)) {
      facts[name] = absl::StrCat(count);
    }
  }
  return facts;
}

}  // namespace forensics::runner
