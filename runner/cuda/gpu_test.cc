#include "runner/cuda/gpu.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/cuda/testing/fake_driver.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<Gpu> Find(const FakeMachine& machine, int index = 0,
                         absl::string_view build_cuda = "13.0") {
  return FindGpu(MakeFakeDriver(machine), index, build_cuda);
}

TEST(GpuTest, IsDescribed) {
  FakeMachine machine;
  machine.gpus = 2;
  const absl::StatusOr<Gpu> gpu = Find(machine, 1);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  EXPECT_EQ(gpu->index, 1);
  EXPECT_EQ(gpu->name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(gpu->uuid, "GPU-f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff");
  EXPECT_EQ(gpu->pci_bus, "0000:18:00.0");
  EXPECT_EQ(gpu->sm_count, 132);
  EXPECT_EQ(gpu->memory_bytes, int64_t{80} << 30);
  EXPECT_EQ(CudaVersionText(gpu->driver_cuda), "13.0");
}

TEST(GpuTest, AnyDriverOfTheSameMajorVersionServes) {
  struct Case {
    int driver;
    const char* build;
    bool ok;
  };
  const Case cases[] = {{13000, "13.0", true},  {13010, "13.0", true}, {12090, "13.0", false},
                        {12000, "12.8", true},  {12080, "12.8", true}, {13000, "12.8", true},
                        {11080, "12.8", false}, {11020, "11.8", true}, {0, "12.6", false}};
  for (const Case& test : cases) {
    EXPECT_EQ(CheckDriverVersion(test.driver, test.build).ok(), test.ok)
        << test.driver << " " << test.build;
  }
}

TEST(GpuTest, ATooOldDriverIsNamedWithBothVersions) {
  FakeMachine machine;
  machine.driver_cuda = 12080;
  machine.start = CUDA_ERROR_UNKNOWN;  // is asked later
  EXPECT_THAT(std::string(Find(machine).status().message()),
              AllOf(HasSubstr("too old: it serves CUDA up to 12.8"),
                    HasSubstr("built for CUDA 13.0"), HasSubstr("580")));
}

TEST(GpuTest, Errors) {
  struct Case {
    void (*change)(FakeMachine&);
    int index;
    const char* message;
  };
  const Case cases[] = {
      {[](FakeMachine& m) { m.start = CUDA_ERROR_NO_DEVICE; }, 0, "the driver finds no GPU"},
      {[](FakeMachine& m) { m.gpus = 0; }, 0, "the driver finds no GPU"},
      {[](FakeMachine&) {}, 1, "there is no GPU 1; found 1"},
      {[](FakeMachine&) {}, -1, "there is no GPU -1"},
      {[](FakeMachine& m) { m.start = CUDA_ERROR_UNKNOWN; }, 0,
       "starting the NVIDIA driver: CUDA_ERROR_SOME (some error)"},
      {[](FakeMachine& m) { m.attribute = CUDA_ERROR_UNKNOWN; }, 0, "GPU 0: CUDA_ERROR_SOME"},
      {[](FakeMachine& m) {
         m.major = 7;
         m.minor = 5;
         m.name = "Tesla T4";
       },
       0, "Tesla T4 has compute capability 7.5"},
      {[](FakeMachine& m) { m.major = 12; }, 0, "compute capability 12.0"},
  };
  for (const Case& test : cases) {
    FakeMachine machine;
    test.change(machine);
    const absl::StatusOr<Gpu> gpu = Find(machine, test.index);
    EXPECT_TRUE(absl::IsFailedPrecondition(gpu.status())) << test.message;
    EXPECT_THAT(std::string(gpu.status().message()), HasSubstr(test.message));
  }
}

TEST(GpuTest, OtherMinorVersionsRun) {
  FakeMachine machine;
  machine.major = 8;
  machine.minor = 6;
  EXPECT_TRUE(Find(machine).ok());
}

}  // namespace
}  // namespace forensics::runner
