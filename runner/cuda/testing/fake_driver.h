// A CUDA driver without a GPU: functions for the table in driver.h, answering what a test says.
#ifndef RUNNER_CUDA_TESTING_FAKE_DRIVER_H_
#define RUNNER_CUDA_TESTING_FAKE_DRIVER_H_

#include <cstddef>
#include <cstring>
#include <string>

#include "runner/cuda/driver.h"

namespace forensics::runner {

// What the fake driver answers.
struct FakeMachine {
  CUresult start = CUDA_SUCCESS;
  int driver_cuda = 13000;
  int gpus = 1;
  std::string name = "NVIDIA H100 80GB HBM3";
  int major = 9, minor = 0;
  int sm_count = 132;
  size_t memory_bytes = size_t{80} << 30;
  CUresult attribute = CUDA_SUCCESS;
};

inline FakeMachine& Fake() {
  static FakeMachine machine;
  return machine;
}

// The functions that FindGpu calls; the others are null.
inline CudaDriver MakeFakeDriver(const FakeMachine& machine) {
  Fake() = machine;
  CudaDriver driver = {};
  driver.cuInit = [](unsigned) { return Fake().start; };
  driver.cuDriverGetVersion = [](int* version) {
    *version = Fake().driver_cuda;
    return CUDA_SUCCESS;
  };
  driver.cuGetErrorName = [](CUresult, const char** name) {
    *name = "CUDA_ERROR_SOME";
    return CUDA_SUCCESS;
  };
  driver.cuGetErrorString = [](CUresult, const char** text) {
    *text = "some error";
    return CUDA_SUCCESS;
  };
  driver.cuDeviceGetCount = [](int* count) {
    *count = Fake().gpus;
    return CUDA_SUCCESS;
  };
  driver.cuDeviceGet = [](CUdevice* device, int index) {
    *device = index;
    return CUDA_SUCCESS;
  };
  driver.cuDeviceGetAttribute = [](int* value, CUdevice_attribute which, CUdevice) {
    *value = which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR   ? Fake().major
             : which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR ? Fake().minor
             : which == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT     ? Fake().sm_count
                                                                     : 0;
    return Fake().attribute;
  };
  driver.cuDeviceGetName = [](char* name, int size, CUdevice) {
    std::strncpy(name, Fake().name.c_str(), static_cast<size_t>(size) - 1);
    return CUDA_SUCCESS;
  };
  driver.cuDeviceGetPCIBusId = [](char* bus, int size, CUdevice) {
    std::strncpy(bus, "0000:18:00.0", static_cast<size_t>(size) - 1);
    return CUDA_SUCCESS;
  };
  driver.cuDeviceGetUuid = [](CUuuid* uuid, CUdevice) {
    for (size_t i = 0; i < sizeof uuid->bytes; ++i) uuid->bytes[i] = static_cast<char>(0xf0 + i);
    return CUDA_SUCCESS;
  };
  driver.cuDeviceTotalMem = [](size_t* bytes, CUdevice) {
    *bytes = Fake().memory_bytes;
    return CUDA_SUCCESS;
  };
  return driver;
}

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_TESTING_FAKE_DRIVER_H_
