#include "runner/cuda/driver.h"

#include <dlfcn.h>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

#define FORENSICS_TEXT_OF(name) #name
#define FORENSICS_NAME_OF(name) FORENSICS_TEXT_OF(name)

absl::StatusOr<CudaDriver> Load() {
  // Global: compiled packages are linked without it (third_party/torch/gxx_aoti.sh).
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    return absl::UnavailableError(absl::StrCat("no NVIDIA driver here: ", dlerror()));
  }
  CudaDriver driver;
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr && missing == nullptr) missing = name;
  };
#define FORENSICS_FIND(name) find(driver.name, FORENSICS_NAME_OF(name));
  FORENSICS_CUDA_FUNCTIONS(FORENSICS_FIND)
#undef FORENSICS_FIND
  if (missing != nullptr) {
    return absl::UnavailableError(
        absl::StrCat("the NVIDIA driver is too old: libcuda.so.1 has no ", missing));
  }
  return driver;
}

}  // namespace

absl::StatusOr<const CudaDriver*> CudaDriver::Get() {
  static const absl::StatusOr<CudaDriver> driver = Load();
  if (!driver.ok()) return driver.status();
  return &*driver;
}

const CudaDriver& Cuda() {
  const absl::StatusOr<const CudaDriver*> driver = CudaDriver::Get();
  if (!driver.ok()) throw CudaError(std::string(driver.status().message()));
  return **driver;
}

void CheckCuda(CUresult result, const char* what) {
  if (result == CUDA_SUCCESS) return;
  const char* name = "unknown error";
  const char* text = "";
  Cuda().cuGetErrorName(result, &name);
  Cuda().cuGetErrorString(result, &text);
  throw CudaError(absl::StrCat("CUDA: ", what, ": ", name, " (", text, ")"));
}

}  // namespace forensics::runner
