#include "runner/cuda/torch_library.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <link.h>
#include <torch/version.h>

#include <exception>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

const Gpu* started = nullptr;  // never deleted: errors at the process's end name it, too

std::string HowToGetLibraries(absl::string_view build_cuda) {
  return absl::StrCat("CUDA's libraries come along with `bazel run --config=cuda`; a program that ",
                      "was carried here takes those of an installed torch ", TORCH_VERSION,
                      " for CUDA ", build_cuda,
                      ", with its torch/lib and nvidia/*/lib folders in LD_LIBRARY_PATH");
}

std::string VersionText(uint64_t version) {
  return absl::StrCat(version >> 56, ".", version >> 48 & 0xff, ".", version >> 40 & 0xff);
}

// The path of this process's libtorch_cpu.so, which is the one that this program is built with.
absl::StatusOr<std::string> LoadedTorch() {
  void* const library = dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD);
  const link_map* map = nullptr;
  if (library == nullptr || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) {
    return absl::InternalError("libtorch_cpu.so is not among the libraries of this process");
  }
  using Version = uint64_t();
  auto* const version = reinterpret_cast<Version*>(dlsym(library, "aoti_torch_abi_version"));
  if (version == nullptr) return map->l_name;
  const absl::Status status = CheckSameTorch(version(), TORCH_ABI_VERSION);
  if (status.ok()) return map->l_name;
  return absl::FailedPreconditionError(absl::StrCat(map->l_name, ": ", status.message()));
}

// Where it lies, links followed.
absl::StatusOr<std::string> TorchFolder() {
  const absl::StatusOr<std::string> loaded = LoadedTorch();
  if (!loaded.ok()) return loaded;
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(*loaded, error);
  if (error) return absl::InternalError(absl::StrCat(*loaded, ": ", error.message()));
  return path.parent_path().string();
}

// The context that libtorch, too, uses on this GPU, but makes only for its first work: own calls of
// the driver may come before that.
void MakeContextCurrent(const Gpu& gpu) {
  CUdevice device = 0;
  CheckCuda(Cuda().cuDeviceGet(&device, gpu.index), "finding the GPU");
  CUcontext context = nullptr;
  CheckCuda(Cuda().cuDevicePrimaryCtxRetain(&context, device), "starting to use the GPU");
  CheckCuda(Cuda().cuCtxSetCurrent(context), "making the GPU current");
}

// What libtorch itself makes of the GPU, and of the CUDA that it was built for.
absl::Status MakeCurrent(const Gpu& gpu, absl::string_view build_cuda) {
  try {
    MakeContextCurrent(gpu);
    const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
    const std::string cuda = CudaVersionText(static_cast<int>(hooks.versionCUDART()));
    if (cuda != build_cuda) {
      return absl::FailedPreconditionError(
          absl::StrCat("libtorch_cuda.so is for CUDA ", cuda, "; ", HowToGetLibraries(build_cuda)));
    }
    if (!hooks.hasCUDA()) {
      return absl::InternalError(
          absl::StrCat("libtorch does not see ", gpu.name, ", which the driver does"));
    }
    c10::impl::VirtualGuardImpl(c10::kCUDA)
        .setDevice(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(gpu.index)));
  } catch (const c10::Error& error) {
    return absl::InternalError(
        absl::StrCat("libtorch cannot use ", gpu.name, ": ", error.what_without_backtrace()));
  } catch (const CudaError& error) {
    return absl::InternalError(absl::StrCat(gpu.name, " cannot be used: ", error.what()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSameTorch(uint64_t loaded, uint64_t built) {
  constexpr int kPatch = 40;  // what is lower says nothing of the version
  if (loaded >> kPatch == built >> kPatch) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "is of torch ", VersionText(loaded), "; this program is built with ", VersionText(built)));
}

absl::Status CheckLoadedTorch() { return LoadedTorch().status(); }

absl::Status LoadTorchCuda(const std::string& folder, absl::string_view build_cuda) {
  const std::string path = folder + "/libtorch_cuda.so";
  if (std::error_code error; !std::filesystem::exists(path, error)) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " has libtorch_cpu.so but no libtorch_cuda.so, as a torch for CPUs ",
                     "alone. ", HowToGetLibraries(build_cuda)));
  }
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return absl::OkStatus();
  const char* reason = dlerror();
  return absl::FailedPreconditionError(
      absl::StrCat("libtorch_cuda.so cannot be loaded: ", reason == nullptr ? path : reason, ". ",
                   HowToGetLibraries(build_cuda)));
}

absl::Status LoadTorchCudaOfThisProcess(absl::string_view build_cuda) {
  const absl::StatusOr<std::string> folder = TorchFolder();
  return folder.ok() ? LoadTorchCuda(*folder, build_cuda) : folder.status();
}

const Gpu* StartedGpu() { return started; }

absl::StatusOr<Gpu> StartCuda(int index, absl::string_view build_cuda) {
  const absl::StatusOr<const CudaDriver*> driver = CudaDriver::Get();
  if (!driver.ok()) return driver.status();
  absl::StatusOr<Gpu> gpu = FindGpu(**driver, index, build_cuda);
  if (!gpu.ok()) return gpu;
  absl::Status status = LoadTorchCudaOfThisProcess(build_cuda);
  if (status.ok()) status = MakeCurrent(*gpu, build_cuda);
  if (!status.ok()) return status;
  if (started == nullptr) started = new Gpu(*gpu);
  return gpu;
}

}  // namespace forensics::runner
