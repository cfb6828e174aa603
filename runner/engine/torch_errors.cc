#include "runner/engine/torch_errors.h"

#include <c10/util/Exception.h>

#include <atomic>
#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runner/cuda/torch_library.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {
namespace {

// An error after which the GPU's context is lost. The runtime's words and the driver's name.
struct GpuFault {
  absl::string_view words;
  absl::string_view name;
  const char* hint;
};

constexpr char kDefectOrFault[] =
    "a kernel of this program or of a library did what it must not, or the GPU is faulty";
constexpr char kFaultyMemory[] =
    "its memory is faulty: `nvidia-smi -q -d ECC,ROW_REMAPPER` tells more; take another GPU";
constexpr char kLostGpu[] = "the GPU or its driver stopped working: take another GPU";

constexpr GpuFault kFaults[] = {
    {"uncorrectable ECC error", "CUDA_ERROR_ECC_UNCORRECTABLE", kFaultyMemory},
    {"illegal memory access", "CUDA_ERROR_ILLEGAL_ADDRESS", kDefectOrFault},
    {"misaligned address", "CUDA_ERROR_MISALIGNED_ADDRESS", kDefectOrFault},
    {"illegal instruction", "CUDA_ERROR_ILLEGAL_INSTRUCTION", kDefectOrFault},
    {"invalid program counter", "CUDA_ERROR_INVALID_PC", kDefectOrFault},
    {"operation not supported on global/shared address space", "CUDA_ERROR_INVALID_ADDRESS_SPACE",
     kDefectOrFault},
    {"hardware stack error", "CUDA_ERROR_HARDWARE_STACK_ERROR", kDefectOrFault},
    {"unspecified launch failure", "CUDA_ERROR_LAUNCH_FAILED", kDefectOrFault},
    {"device-side assert", "CUDA_ERROR_ASSERT", kDefectOrFault},
    {"launch timed out", "CUDA_ERROR_LAUNCH_TIMEOUT", kLostGpu},
    {"NVLink error", "CUDA_ERROR_NVLINK_UNCORRECTABLE", kLostGpu},
    {"driver shutting down", "CUDA_ERROR_DEINITIALIZED", kLostGpu},
    {"unknown error", "CUDA_ERROR_UNKNOWN", kLostGpu},
};

constexpr char kLessMemory[] =
    "; a shorter document (--document_tokens), a smaller batch or a GPU with more memory needs "
    "less";

bool IsCudas(absl::string_view text) {
  return absl::StrContains(text, "CUDA") || absl::StrContains(text, "cuda");
}

std::atomic<bool> gpu_is_lost{false};

const GpuFault* FindFault(absl::string_view text) {
  if (!IsCudas(text)) return nullptr;
  for (const GpuFault& fault : kFaults) {
    if (absl::StrContains(text, fault.words) || absl::StrContains(text, fault.name)) return &fault;
  }
  return nullptr;
}

// "CUDA error: an illegal memory access was encountered" and then advice for programmers.
absl::string_view FirstLine(absl::string_view text) { return text.substr(0, text.find('\n')); }

std::string GpuText(const Gpu* gpu) {
  if (gpu == nullptr) return "the GPU";
  return absl::StrCat("GPU ", gpu->index, ", ", gpu->name, ", PCI ", gpu->pci_bus);
}

// libtorch says what was asked for, what the GPU has and what each process holds; the rest, on its
// own allocator, is left out.
absl::Status OutOfGpuMemory(absl::string_view text, const Gpu* gpu) {
  absl::string_view facts = FirstLine(text.substr(0, text.find(" Of the allocated memory")));
  while (absl::ConsumeSuffix(&facts, ".") || absl::ConsumeSuffix(&facts, " ")) {
  }
  return absl::ResourceExhaustedError(absl::StrCat(GpuText(gpu), ": ", facts, kLessMemory));
}

bool SaysOutOfGpuMemory(absl::string_view text) {
  return absl::StrContains(text, "CUDA out of memory") ||
         absl::StrContains(text, "CUDA error: out of memory") ||
         absl::StrContains(text, "CUDA_ERROR_OUT_OF_MEMORY") ||
         absl::StrContains(text, "CUBLAS_STATUS_ALLOC_FAILED") ||
         absl::StrContains(text, "CUDNN_STATUS_ALLOC_FAILED");
}

// `origin` is whose error it is, such as "libtorch: ".
absl::Status FromText(absl::string_view origin, absl::string_view text, const Gpu* gpu) {
  if (SaysOutOfGpuMemory(text)) return OutOfGpuMemory(text, gpu);
  if (absl::StrContains(text, "DefaultCPUAllocator: can't allocate memory")) {
    return absl::ResourceExhaustedError(
        absl::StrCat("out of memory: ", text.substr(text.find("DefaultCPUAllocator"))));
  }
  const GpuFault* fault = FindFault(text);
  if (fault == nullptr) return absl::InternalError(absl::StrCat(origin, text));
  gpu_is_lost = true;
  return absl::InternalError(absl::StrCat(GpuText(gpu), ": ", FirstLine(text), "; ", fault->hint,
                                          "; `dmesg | grep Xid` tells more"));
}

}  // namespace

absl::Status StatusOf(const std::exception& error, const Gpu* gpu) {
  if (const auto* torch = dynamic_cast<const c10::Error*>(&error)) {
    return FromText("libtorch: ", torch->what_without_backtrace(), gpu);
  }
  if (dynamic_cast<const RankError*>(&error) != nullptr) return absl::AbortedError(error.what());
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return absl::ResourceExhaustedError("out of memory");
  }
  return FromText("", error.what(), gpu);
}

bool GpuIsLost() { return gpu_is_lost; }

absl::Status StatusOf(const std::exception& error) { return StatusOf(error, StartedGpu()); }

}  // namespace forensics::runner
