#include "runner/cuda/gpu_info.h"

#include <dlfcn.h>

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "runner/cuda/nvml.h"

namespace forensics::runner {
namespace {

using Facts = std::map<std::string, std::string>;

// A function of a library that libtorch_cuda brought along; null where it did not.
template <typename Function>
Function* Find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// Of a function that writes a version number and returns 0.
void AddVersion(const char* function, const char* name, Facts& facts) {
  auto* const read = Find<int(int*)>(function);
  int version = 0;
  if (read != nullptr && read(&version) == 0) facts[name] = absl::StrCat(version);
}

// Of a function that returns a version number.
void AddReturnedVersion(const char* function, const char* name, Facts& facts) {
  auto* const read = Find<size_t()>(function);
  if (read != nullptr) facts[name] = absl::StrCat(read());
}

// Of a function that takes which part of the version is asked for: 0 major, 1 minor, 2 patch.
void AddProperties(const char* function, const char* name, Facts& facts) {
  auto* const read = Find<int(int, int*)>(function);
  int parts[3] = {};
  for (int i = 0; i < 3; ++i) {
    if (read == nullptr || read(i, &parts[i]) != 0) return;
  }
  facts[name] = absl::StrCat(parts[0], ".", parts[1], ".", parts[2]);
}

// As the libraries give them: cuDNN 91900 is 9.19.0, NCCL 22809 is 2.28.9, the runtime 13000
// is 13.0.
void AddLibraries(Facts& settings) {
  AddVersion("cudaRuntimeGetVersion", "cuda_runtime", settings);
  AddProperties("cublasGetProperty", "cublas", settings);
  AddReturnedVersion("cublasLtGetVersion", "cublas_lt", settings);
  AddReturnedVersion("cudnnGetVersion", "cudnn", settings);
  AddVersion("ncclGetVersion", "nccl", settings);
}

}  // namespace

GpuInfo DescribeGpu(const Gpu& gpu) {
  GpuInfo info = {gpu, {}, {}};
  info.settings = {{"gpu.name", gpu.name},
                   {"gpu.compute_capability", absl::StrCat(gpu.major, ".", gpu.minor)},
                   {"gpu.sm_count", absl::StrCat(gpu.sm_count)},
                   {"gpu.driver_cuda", CudaVersionText(gpu.driver_cuda)}};
  info.facts = {{"gpu.uuid", gpu.uuid},
                {"gpu.pci_bus", gpu.pci_bus},
                {"gpu.memory_bytes", absl::StrCat(gpu.memory_bytes)}};
  AddLibraries(info.settings);
  const Nvml* nvml = Nvml::Get();
  if (nvml == nullptr) return info;
  const NvmlFacts nvml_facts = ReadNvmlFacts(*nvml, gpu.uuid);
  if (!nvml_facts.driver.empty()) info.settings["gpu.driver"] = nvml_facts.driver;
  if (!nvml_facts.mig.empty()) info.settings["gpu.mig"] = nvml_facts.mig;
  for (const auto& [name, value] : nvml_facts.others) info.facts["gpu." + name] = value;
  return info;
}

Facts ConditionOf(const Gpu& gpu) {
  Facts condition;
  const Nvml* nvml = Nvml::Get();
  if (nvml == nullptr) return condition;
  for (const auto& [name, value] : ReadNvmlCondition(*nvml, gpu.uuid)) {
    condition["gpu." + name] = value;
  }
  return condition;
}

}  // namespace forensics::runner
