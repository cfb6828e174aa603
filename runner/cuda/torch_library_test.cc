#include "runner/cuda/torch_library.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t Version(uint64_t major, uint64_t minor, uint64_t patch) {
  return major << 56 | minor << 48 | patch << 40;
}

TEST(TorchLibraryTest, AnotherTorchIsRefusedWithBothVersions) {
  EXPECT_TRUE(CheckSameTorch(Version(2, 11, 0) | 7, Version(2, 11, 0)).ok());
  EXPECT_THAT(std::string(CheckSameTorch(Version(2, 12, 1), Version(2, 11, 0)).message()),
              HasSubstr("is of torch 2.12.1; this program is built with 2.11.0"));
  EXPECT_FALSE(CheckSameTorch(Version(2, 11, 1), Version(2, 11, 0)).ok());
  EXPECT_FALSE(CheckSameTorch(Version(3, 11, 0), Version(2, 11, 0)).ok());
  EXPECT_TRUE(CheckLoadedTorch().ok()) << CheckLoadedTorch();
}

TEST(TorchLibraryTest, WhatIsMissingIsNamed) {
  const std::string folder = std::string(testing::TempDir()) + "/torch_lib";
  std::filesystem::create_directories(folder);
  const absl::Status none = LoadTorchCuda(folder, "12.8");
  EXPECT_TRUE(absl::IsFailedPrecondition(none));
  EXPECT_THAT(std::string(none.message()),
              AllOf(HasSubstr(folder), HasSubstr("no libtorch_cuda.so"), HasSubstr("--config=cuda"),
                    HasSubstr("for CUDA 12.8")));

  std::ofstream(folder + "/libtorch_cuda.so") << "no library";
  const absl::Status damaged = LoadTorchCuda(folder, "12.8");
  EXPECT_TRUE(absl::IsFailedPrecondition(damaged));
  EXPECT_THAT(std::string(damaged.message()),
              AllOf(HasSubstr(folder + "/libtorch_cuda.so: "), HasSubstr("LD_LIBRARY_PATH")));
}

// On machines with a GPU it may work; elsewhere the first thing that is missing is the driver.
TEST(TorchLibraryTest, WithoutADriver) {
  if (CudaDriver::Get().ok()) GTEST_SKIP() << "there is a driver";
  EXPECT_THAT(std::string(StartCuda(0, "13.0").status().message()), HasSubstr("libcuda.so.1"));
}

}  // namespace
}  // namespace forensics::runner
