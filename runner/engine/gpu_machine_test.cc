// The GPU as a machine: its facts, its memory, concurrent work on it, its errors. On a real GPU:
//
//   bazel build //runner/engine:gpu_machine_test.stripped
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/cuda/gpu_info.h"
#include "runner/cuda/gpu_label.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/gpu_load.h"
#include "runner/engine/gpu_memory.h"
#include "runner/engine/machine.h"
#include "runner/engine/torch_errors.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void Print(const std::map<std::string, std::string>& map) {
  for (const auto& [name, value] : map) std::printf("  %s = %s\n", name.c_str(), value.c_str());
}

TEST(GpuMachineTest, WhatTheManifestSays) {
  ASSERT_NE(StartedGpu(), nullptr);
  const GpuInfo info = DescribeGpu(*StartedGpu());
  std::printf("label %s\n", GpuLabel(info.gpu.name).c_str());
  Print(info.settings);
  Print(info.facts);
  for (const char* name :
       {"gpu.name", "gpu.compute_capability", "gpu.sm_count", "gpu.driver", "gpu.driver_cuda",
        "cuda_runtime", "cublas", "cublas_lt", "cudnn", "nccl"}) {
    ASSERT_EQ(info.settings.count(name), 1u) << name;
    EXPECT_NE(info.settings.at(name), "") << name;
  }
  for (const char* name : {"gpu.uuid", "gpu.pci_bus", "gpu.memory_bytes", "gpu.ecc_mode",
                           "gpu.power_limit_watts", "gpu.max_sm_clock_mhz"}) {
    EXPECT_EQ(info.facts.count(name), 1u) << name;
  }
  Print(CudaSettings());
  EXPECT_EQ(CudaSettings().at("tf32"), "false");
}

TEST(GpuMachineTest, HowItIsDoing) {
  const auto condition = ConditionOf(*StartedGpu());
  Print(condition);
  for (const char* name : {"gpu.sm_clock_mhz", "gpu.temperature_celsius", "gpu.power_watts"}) {
    EXPECT_EQ(condition.count(name), 1u) << name;
  }
}

TEST(GpuMachineTest, MemoryIsWhatIsNotTaken) {
  const absl::StatusOr<GpuMemory> before = ReadGpuMemory();
  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_LE(before->free_bytes, before->total_bytes);
  EXPECT_NEAR(static_cast<double>(before->total_bytes),
              static_cast<double>(StartedGpu()->memory_bytes), 0.05 * before->total_bytes);
  constexpr int64_t kBytes = int64_t{1} << 30;
  at::Tensor taken = at::empty({kBytes}, at::TensorOptions(at::kCUDA).dtype(at::kByte));
  EXPECT_LE(ReadGpuMemory()->free_bytes, before->free_bytes - kBytes);
  taken.reset();  // libtorch keeps it, unless it is asked to give it back
  EXPECT_GE(ReadGpuMemory()->free_bytes, before->free_bytes - kBytes / 64);
}

TEST(GpuMachineTest, MoreMemoryThanThereIs) {
  const auto tensor = CatchTorch([]() -> absl::StatusOr<at::Tensor> {
    return at::empty({int64_t{1} << 40}, at::TensorOptions(at::kCUDA).dtype(at::kByte));
  });
  std::printf("%s\n", std::string(tensor.status().message()).c_str());
  EXPECT_TRUE(absl::IsResourceExhausted(tensor.status()));
  EXPECT_THAT(std::string(tensor.status().message()),
              AllOf(HasSubstr(StartedGpu()->name), HasSubstr("1024.00 GiB"), HasSubstr("is free"),
                    HasSubstr("--document_tokens")));
}

// Something like inference: products on the current stream.
class Inference {
 public:
  // The result, and seconds that it took.
  std::pair<at::Tensor, double> Run(int products) const {
    const auto begin = std::chrono::steady_clock::now();
    at::Tensor product = at::empty({512, 2048}, bf16_);
    for (int i = 0; i < products; ++i) at::mm_out(product, input_, weight_);
    at::Tensor host = product.cpu();
    return {host, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()};
  }

 private:
  // Values of both signs.
  static at::Tensor Matrix(int64_t rows, int64_t period) {
    return ((at::arange(rows * 2048, at::kCUDA).remainder(period) - period / 2).to(at::kBFloat16) /
            period)
        .view({rows, 2048});
  }

  const at::TensorOptions bf16_ = at::TensorOptions(at::kCUDA).dtype(at::kBFloat16);
  const at::Tensor input_ = Matrix(512, 37), weight_ = Matrix(2048, 61);
};

TEST(GpuMachineTest, ConcurrentWorkOverlapsAndChangesNoBits) {
  const Inference inference;
  constexpr int kProducts = 4000, kPasses = 8;
  (void)inference.Run(kProducts);  // clocks go up
  const auto [alone, seconds_alone] = inference.Run(kProducts);
  auto load = StartGpuLoad();
  ASSERT_TRUE(load.ok()) << load.status();
  double seconds = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    (*load)->BeginPass();
    const auto [beside, seconds_beside] = inference.Run(kProducts);
    (*load)->EndPass();
    seconds += seconds_beside;
    EXPECT_TRUE(at::equal(alone, beside)) << pass;
  }
  const auto report = (*load)->Finish();
  ASSERT_TRUE(report.ok()) << report.status();
  std::printf(
      "%s: utilisation %.3f, overlap %.4f s of %.4f s (by the CPU's clock %.4f s), %lld products, "
      "%d intervals; inference takes %.2f times as long\n",
      report->kernel().c_str(), report->utilisation(), report->overlap_seconds(),
      report->inference_seconds(), seconds, static_cast<long long>(report->products()),
      report->intervals_size(), seconds / (kPasses * seconds_alone));
  EXPECT_GT(report->utilisation(), 0.4);
  EXPECT_LT(report->utilisation(), 0.6);
  EXPECT_GT(report->overlap_seconds(), 0.35 * report->inference_seconds());
  EXPECT_LT(report->overlap_seconds(), 0.65 * report->inference_seconds());
  EXPECT_NEAR(report->inference_seconds(), seconds, 0.05 * seconds);
  EXPECT_GT(seconds, 1.02 * kPasses * seconds_alone);
}

TEST(GpuMachineTest, AnAbandonedLoadLeavesTheGpuFree) {
  { ASSERT_TRUE(StartGpuLoad().ok()); }
  const Inference inference;
  EXPECT_TRUE(at::equal(inference.Run(100).first, inference.Run(100).first));
}

// The last one: the GPU serves this process no more.
TEST(GpuMachineTest, AnErrorThatLosesTheGpu) {
  const auto result = CatchTorch([]() -> absl::StatusOr<at::Tensor> {
    const at::Tensor table = at::full({4, 4}, 1.0f, at::kCUDA);
    return at::embedding(table,
                         at::full({2}, 1 << 20, at::TensorOptions(at::kCUDA).dtype(at::kLong)))
        .cpu();
  });
  std::printf("%s\n", std::string(result.status().message()).c_str());
  EXPECT_TRUE(absl::IsInternal(result.status()));
  EXPECT_THAT(std::string(result.status().message()),
              AllOf(HasSubstr(StartedGpu()->name), HasSubstr(StartedGpu()->pci_bus),
                    HasSubstr("dmesg | grep Xid"), Not(HasSubstr("CUDA_LAUNCH_BLOCKING"))));
}

}  // namespace
}  // namespace forensics::runner
