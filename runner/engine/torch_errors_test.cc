#include "runner/engine/torch_errors.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/cuda/driver.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Gpu TheGpu() {
  Gpu gpu;
  gpu.index = 1;
  gpu.name = "NVIDIA H200";
  gpu.pci_bus = "0000:18:00.0";
  return gpu;
}

template <typename Error>
absl::Status OfText(const std::string& text) {
  const Gpu gpu = TheGpu();
  if constexpr (std::is_base_of_v<c10::Error, Error>) {
    return StatusOf(Error(c10::SourceLocation{__func__, __FILE__, __LINE__}, text), &gpu);
  } else {
    return StatusOf(Error(text), &gpu);
  }
}

std::string Text(const absl::Status& status) { return std::string(status.message()); }

TEST(TorchErrorsTest, GpuOutOfMemory) {
  const absl::Status status = OfText<c10::OutOfMemoryError>(
      "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of "
      "which 1.05 GiB is free. Including non-PyTorch memory, this process has 77.91 GiB memory in "
      "use. Of the allocated memory 70.00 GiB is allocated by PyTorch. If reserved but unallocated "
      "memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True");
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(Text(status),
              AllOf(StartsWith("GPU 1, NVIDIA H200, PCI 0000:18:00.0: CUDA out of memory. Tried to "
                               "allocate 2.00 GiB"),
                    HasSubstr("1.05 GiB is free"), HasSubstr("in use; a shorter document"),
                    Not(HasSubstr("PyTorch has"))));
}

TEST(TorchErrorsTest, MemoryRunsOutInManyWays) {
  for (const char* text :
       {"CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"}) {
    EXPECT_TRUE(absl::IsResourceExhausted(OfText<c10::Error>(text))) << text;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(
      OfText<CudaError>("CUDA: loading: CUDA_ERROR_OUT_OF_MEMORY (out of memory)")));
  EXPECT_TRUE(absl::IsResourceExhausted(OfText<c10::Error>(
      "[enforce fail at alloc_cpu.cpp:1] err == 0. DefaultCPUAllocator: can't allocate memory: you "
      "tried to allocate 64 bytes. Error code 12 (Cannot allocate memory)")));
  EXPECT_TRUE(absl::IsResourceExhausted(StatusOf(std::bad_alloc())));
}

TEST(TorchErrorsTest, AGpuThatIsLost) {
  (void)OfText<c10::Error>("expected a tensor");
  (void)OfText<c10::OutOfMemoryError>("CUDA out of memory.");
  EXPECT_FALSE(GpuIsLost());
  const absl::Status ecc = OfText<c10::Error>(
      "CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be asynchronously "
      "reported at some other API call\nCompile with `TORCH_USE_CUDA_DSA`");
  EXPECT_TRUE(absl::IsInternal(ecc));
  EXPECT_TRUE(GpuIsLost());
  EXPECT_THAT(Text(ecc), AllOf(StartsWith("GPU 1, NVIDIA H200, PCI 0000:18:00.0: CUDA error: "
                                          "uncorrectable ECC error encountered; "),
                               HasSubstr("nvidia-smi -q -d ECC"), EndsWith("grep Xid` tells more"),
                               Not(HasSubstr("asynchronously"))));
  for (const char* text :
       {"CUDA error: an illegal memory access was encountered\nSearch for `cudaError'",
        "CUDA error: unspecified launch failure", "CUDA error: unknown error"}) {
    EXPECT_THAT(Text(OfText<c10::Error>(text)), HasSubstr("dmesg | grep Xid")) << text;
  }
  EXPECT_THAT(Text(OfText<CudaError>("CUDA: rms_norm: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal "
                                     "memory access was encountered)")),
              AllOf(HasSubstr("CUDA: rms_norm: CUDA_ERROR_ILLEGAL_ADDRESS"), HasSubstr("Xid")));
  EXPECT_THAT(
      Text(StatusOf(CudaError("CUDA: x: CUDA_ERROR_ASSERT (device-side assert triggered)"))),
      StartsWith("the GPU: CUDA: x: "));
}

TEST(TorchErrorsTest, OtherErrorsKeepTheirWords) {
  EXPECT_EQ(OfText<c10::Error>("expected a [2, 3] tensor"),
            absl::InternalError("libtorch: expected a [2, 3] tensor"));
  EXPECT_EQ(OfText<std::runtime_error>("unknown error"), absl::InternalError("unknown error"));
  EXPECT_EQ(OfText<RankError>("rank 1 is gone"), absl::AbortedError("rank 1 is gone"));
}

TEST(TorchErrorsTest, WhatIsThrownIsCaught) {
  const auto thrown = CatchTorch([]() -> absl::StatusOr<int> { throw RankError("gone"); });
  EXPECT_TRUE(absl::IsAborted(thrown.status()));
  EXPECT_EQ(*CatchTorch([]() -> absl::StatusOr<int> { return 7; }), 7);
}

}  // namespace
}  // namespace forensics::runner
