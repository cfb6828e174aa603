#include "runner/cuda/kernel.h"

#include <map>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "runner/cuda/stream.h"

namespace forensics::runner {
namespace {

// The module of one .cu file; loaded once.
CUmodule ModuleOf(const nvrtc::Cubins& cubins) {
  static std::mutex mutex;
  static auto& modules = *new std::map<const nvrtc::Cubins*, CUmodule>;
  const std::lock_guard<std::mutex> lock(mutex);
  CUmodule& module = modules[&cubins];
  if (module != nullptr) return module;
  const int architecture = ThisArchitecture();
  const nvrtc::Cubin* cubin = cubins.Find(architecture);
  if (cubin == nullptr) {
    throw CudaError(absl::StrCat(cubins.source, ": this program has no machine code for sm_",
                                 architecture, " GPUs"));
  }
  CheckCuda(Cuda().cuModuleLoadData(&module, cubin->image), cubins.source);
  return module;
}

}  // namespace

int GpuAttribute(CUdevice_attribute attribute) {
  CUdevice device = 0;
  CheckCuda(Cuda().cuCtxGetDevice(&device), "finding the current GPU");
  int value = 0;
  CheckCuda(Cuda().cuDeviceGetAttribute(&value, attribute, device), "reading a GPU's attribute");
  return value;
}

int ThisArchitecture() {
  static const int architecture = GpuAttribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10;
  return architecture;
}

CUfunction CudaKernel::Load() const {
  CUfunction function = nullptr;
  CheckCuda(Cuda().cuModuleGetFunction(&function, ModuleOf(*cubins_), name_), name_);
  // As much dynamic shared memory as the GPU has; a launch takes what it asks for.
  static const int most = GpuAttribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  int fixed = 0;
  CheckCuda(Cuda().cuFuncGetAttribute(&fixed, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function),
            name_);
  CheckCuda(Cuda().cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                      most - fixed),
            name_);
  return function;
}

void CudaKernel::Enqueue(const Launch& launch, void** arguments) const {
  CUfunction function = function_.load(std::memory_order_acquire);
  if (function == nullptr) {
    function = Load();
    function_.store(function, std::memory_order_release);
  }
  CUlaunchAttribute attribute = {};
  if (launch.cooperative) {
    attribute.id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
    attribute.value.cooperative = 1;
  } else {
    attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    attribute.value.programmaticStreamSerializationAllowed = 1;
  }
  const bool overlaps = launch.overlaps_previous && ThisArchitecture() >= 90;
  CUlaunchConfig config = {};
  config.gridDimX = static_cast<unsigned>(launch.blocks[0]);
  config.gridDimY = static_cast<unsigned>(launch.blocks[1]);
  config.gridDimZ = static_cast<unsigned>(launch.blocks[2]);
  config.blockDimX = static_cast<unsigned>(launch.threads);
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(launch.shared_bytes);
  config.hStream = CurrentStream();
  config.attrs = &attribute;
  config.numAttrs = launch.cooperative || overlaps ? 1 : 0;
  CheckCuda(Cuda().cuLaunchKernelEx(&config, function, arguments, nullptr), name_);
}

}  // namespace forensics::runner
