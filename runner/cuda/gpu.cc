#include "runner/cuda/gpu.h"

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace forensics::runner {
namespace {

// The machine code that comes along: third_party/nvrtc/nvrtc.bzl.
constexpr int kMajors[] = {8, 9};

// The driver's packages that first served a major version of CUDA.
const char* FirstPackage(int major) {
  switch (major) {
    case 11:
      return "450";
    case 12:
      return "525";
    case 13:
      return "580";
    default:
      return "a newer one";
  }
}

absl::Status ToStatus(const CudaDriver& driver, CUresult result, absl::string_view what) {
  if (result == CUDA_SUCCESS) return absl::OkStatus();
  const char* name = nullptr;
  const char* text = nullptr;
  driver.cuGetErrorName(result, &name);
  driver.cuGetErrorString(result, &text);
  return absl::FailedPreconditionError(
      absl::StrCat(what, ": ", name == nullptr ? absl::StrCat("CUDA error ", int{result}) : name,
                   text == nullptr ? "" : absl::StrCat(" (", text, ")")));
}

absl::Status NoSuchGpu(int index, int count) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return absl::FailedPreconditionError(absl::StrCat(
      count == 0 ? "the driver finds no GPU" : absl::StrCat("there is no GPU ", index), "; found ",
      count, visible == nullptr ? "" : absl::StrCat(", with CUDA_VISIBLE_DEVICES=", visible)));
}

absl::Status CheckArchitecture(const Gpu& gpu) {
  for (const int major : kMajors) {
    if (gpu.major == major) return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(gpu.name, " has compute capability ", gpu.major, ".", gpu.minor,
                   "; this program has kernels for 8.x (A100 and its like) and 9.x (H100, H200)"));
}

// Eight digits, then three times four, then twelve.
std::string UuidText(const CUuuid& uuid) {
  const std::string hex = absl::BytesToHexString(absl::string_view(uuid.bytes, sizeof uuid.bytes));
  return absl::StrCat("GPU-", hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

absl::StatusOr<Gpu> Describe(const CudaDriver& driver, int index) {
  Gpu gpu;
  gpu.index = index;
  CUdevice device = 0;
  CUresult result = driver.cuDeviceGet(&device, index);
  const auto attribute = [&](CUdevice_attribute which, int& value) {
    if (result == CUDA_SUCCESS) result = driver.cuDeviceGetAttribute(&value, which, device);
  };
  attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, gpu.major);
  attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, gpu.minor);
  attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, gpu.sm_count);
  char name[256] = "", bus[32] = "";
  CUuuid uuid = {};
  size_t memory = 0;
  if (result == CUDA_SUCCESS) result = driver.cuDeviceGetName(name, sizeof name, device);
  if (result == CUDA_SUCCESS) result = driver.cuDeviceGetPCIBusId(bus, sizeof bus, device);
  if (result == CUDA_SUCCESS) result = driver.cuDeviceGetUuid(&uuid, device);
  if (result == CUDA_SUCCESS) result = driver.cuDeviceTotalMem(&memory, device);
  absl::Status status = ToStatus(driver, result, absl::StrCat("GPU ", index));
  if (!status.ok()) return status;
  gpu.name = name;
  gpu.pci_bus = bus;
  gpu.uuid = UuidText(uuid);
  gpu.memory_bytes = static_cast<int64_t>(memory);
  return gpu;
}

}  // namespace

std::string CudaVersionText(int version) {
  return absl::StrCat(version / 1000, ".", version % 1000 / 10);
}

absl::Status CheckDriverVersion(int driver_cuda, absl::string_view build_cuda) {
  int major = 0;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(build_cuda, '.');
  if (!absl::SimpleAtoi(parts.first, &major)) {
    return absl::InternalError(absl::StrCat("CUDA '", build_cuda, "' is no version"));
  }
  if (driver_cuda >= 1000 * major) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the NVIDIA driver is too old: it serves CUDA up to ", CudaVersionText(driver_cuda),
      ", this program is built for CUDA ", build_cuda, ", which any driver from ",
      FirstPackage(major), " on serves; take a newer driver, or a build for an older CUDA ",
      "(--//third_party/torch:version=2.10 is for CUDA 12.8)"));
}

absl::StatusOr<Gpu> FindGpu(const CudaDriver& driver, int index, absl::string_view build_cuda) {
  int version = 0;  // can be asked for before the driver is started, and where that fails
  absl::Status status =
      ToStatus(driver, driver.cuDriverGetVersion(&version), "asking the driver's version");
  if (status.ok()) status = CheckDriverVersion(version, build_cuda);
  if (!status.ok()) return status;
  const CUresult started = driver.cuInit(0);
  if (started == CUDA_ERROR_NO_DEVICE) return NoSuchGpu(index, 0);
  int count = 0;
  status = ToStatus(driver, started, "starting the NVIDIA driver");
  if (status.ok()) status = ToStatus(driver, driver.cuDeviceGetCount(&count), "counting GPUs");
  if (!status.ok()) return status;
  if (index < 0 || index >= count) return NoSuchGpu(index, count);
  absl::StatusOr<Gpu> gpu = Describe(driver, index);
  if (!gpu.ok()) return gpu;
  gpu->driver_cuda = version;
  if (status = CheckArchitecture(*gpu); !status.ok()) return status;
  return gpu;
}

int CountGpus() {
  const absl::StatusOr<const CudaDriver*> driver = CudaDriver::Get();
  int count = 0;
  const bool known = driver.ok() && (*driver)->cuInit(0) == CUDA_SUCCESS &&
                     (*driver)->cuDeviceGetCount(&count) == CUDA_SUCCESS;
  return known ? count : 0;
}

}  // namespace forensics::runner
