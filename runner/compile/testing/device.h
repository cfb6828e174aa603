// What the tests of compiled parts run on. Each is compiled twice: for the CPU, with the packages
// that are built beside it, and with FORENSICS_COMPILED_ON_GPU for the GPU of
// runner/cuda/testing/gpu_test_main.cc, with those in the folder $COMPILED_PACKAGES.
#ifndef RUNNER_COMPILE_TESTING_DEVICE_H_
#define RUNNER_COMPILE_TESTING_DEVICE_H_

#include <c10/core/Device.h>

#include <cstdlib>
#include <string>

#include "runner/compile/package_key.h"
#include "runner/cuda/torch_library.h"

namespace forensics::runner {

#ifdef FORENSICS_COMPILED_ON_GPU
constexpr at::DeviceType kTestDevice = at::kCUDA;
#else
constexpr at::DeviceType kTestDevice = at::kCPU;
#endif

// Folder with packages of the small model.
inline std::string MiniPackages() {
  if (kTestDevice == at::kCPU) return "runner/compile/mini_packages";
  const char* folder = std::getenv("COMPILED_PACKAGES");
  return folder == nullptr ? "" : folder;
}

// As PackageKey::device.
inline std::string TestPackageDevice() {
  if (kTestDevice == at::kCPU) return "cpu";
  return PackageKey::CudaDevice(StartedGpu()->major, StartedGpu()->minor);
}

}  // namespace forensics::runner

#endif  // RUNNER_COMPILE_TESTING_DEVICE_H_
