// The CUDA driver's functions, found at run time: machines that only build and test have no
// libcuda.so.1, and nothing links with it.
#ifndef RUNNER_CUDA_DRIVER_H_
#define RUNNER_CUDA_DRIVER_H_

#include <stdexcept>
#include <string>

#include "absl/status/statusor.h"
#include "cuda.h"

namespace forensics::runner {

#if CUDA_VERSION >= 12000
#define FORENSICS_CUDA_12_FUNCTIONS(F) F(cuTensorMapEncodeTiled)
#else
#define FORENSICS_CUDA_12_FUNCTIONS(F)
#endif

// cuda.h renames some of them to a later version by macro; the expanded name is the library's.
#define FORENSICS_CUDA_FUNCTIONS(F) \
  F(cuInit)                         \
  F(cuDriverGetVersion)             \
  F(cuGetErrorName)                 \
  F(cuGetErrorString)               \
  F(cuDeviceGet)                    \
  F(cuDeviceGetCount)               \
  F(cuDeviceGetName)                \
  F(cuDeviceGetAttribute)           \
  F(cuDeviceGetPCIBusId)            \
  F(cuDeviceGetUuid)                \
  F(cuDeviceTotalMem)               \
  F(cuDevicePrimaryCtxRetain)       \
  F(cuCtxGetDevice)                 \
  F(cuCtxSetCurrent)                \
  F(cuMemGetInfo)                   \
  F(cuMemHostRegister)              \
  F(cuMemHostUnregister)            \
  F(cuModuleLoadData)               \
  F(cuModuleGetFunction)            \
  F(cuFuncGetAttribute)             \
  F(cuFuncSetAttribute)             \
  F(cuLaunchKernelEx)               \
  F(cuMemcpyAsync)                  \
  FORENSICS_CUDA_12_FUNCTIONS(F)    \
  F(cuStreamCreate)                 \
  F(cuStreamDestroy)                \
  F(cuStreamSynchronize)            \
  F(cuStreamBeginCapture)           \
  F(cuStreamEndCapture)             \
  F(cuGraphDestroy)                 \
  F(cuGraphGetNodes)                \
  F(cuGraphInstantiateWithFlags)    \
  F(cuGraphExecDestroy)             \
  F(cuGraphLaunch)

struct CudaDriver {
#define FORENSICS_DECLARE(name) decltype(&::name) name;
  FORENSICS_CUDA_FUNCTIONS(FORENSICS_DECLARE)
#undef FORENSICS_DECLARE

  // The one instance. Unavailable where there is no driver, or one that lacks a function, which the
  // error names.
  static absl::StatusOr<const CudaDriver*> Get();
};

// What the operations throw, as libtorch throws its own.
class CudaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The one instance; throws CudaError where Get() fails.
const CudaDriver& Cuda();

// Throws a CudaError that names `what` was done and the driver's error, unless `result` is success.
void CheckCuda(CUresult result, const char* what);

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_DRIVER_H_
