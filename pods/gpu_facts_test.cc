#include "pods/gpu_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forensics::pods {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(GpuFactsTest, ALineAGpu) {
  const auto gpus = ParseGpuFacts(
      "NVIDIA H100 80GB HBM3, 580.65.06, 81559, 4\n NVIDIA A100-SXM4-80GB,535.104.05,81920,  500 "
      "\n");
  ASSERT_TRUE(gpus.ok()) << gpus.status();
  ASSERT_EQ(gpus->size(), 2u);
  EXPECT_EQ((*gpus)[0].name, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ((*gpus)[0].driver, "580.65.06");
  EXPECT_EQ((*gpus)[0].memory_mib, 81559);
  EXPECT_EQ((*gpus)[1].used_mib, 500);
  EXPECT_TRUE(ParseGpuFacts("\n")->empty());
}

TEST(GpuFactsTest, WhatIsNoneIsQuoted) {
  for (const char* line : {"Failed to initialize NVML", "H100, 580.65, [N/A], 4", "H100, 580, 1"}) {
    const auto gpus = ParseGpuFacts(line);
    ASSERT_FALSE(gpus.ok());
    EXPECT_THAT(gpus.status().message(), HasSubstr(line));
  }
}

TEST(GpuFactsTest, MigIsNamed) {
  EXPECT_THAT(std::string(ParseGpuFacts("NVIDIA A100, 580.65, [N/A], [N/A]").status().message()),
              HasSubstr("a GPU cut into MIG instances"));
  EXPECT_THAT(std::string(ParseGpuFacts("no GPU").status().message()), Not(HasSubstr("MIG")));
}

// NVIDIA's tables: the toolkit's own driver; what the runner launches kernels with, 520.61.05 and
// later for CUDA 11.8; by minor-version compatibility 525.60.13 and later for 12, 580 and later
// for 13.
TEST(CheckDriverTest, ByCudaVersion) {
  const struct {
    const char *driver, *cuda;
    bool works;
    const char* text;
  } kCases[] = {
      {"580.65.06", "13.0", true, "driver 580.65.06 runs CUDA 13.0"},
      {"575.57.08", "13.0", false, "driver 575.57.08 is too old for CUDA 13.0, which needs 580.65"},
      {"570.86.15", "12.8", true, "driver 570.86.15 runs CUDA 12.8"},
      {"535.104.05", "12.8", true, "by minor-version compatibility; its own is 570.26"},
      {"525.60.13", "12.1", true, "by minor-version compatibility"},
      {"520.61.05", "12.1", false, "too old for CUDA 12.1, which needs 525.60"},
      {"520.61.05", "11.8", true, "driver 520.61.05 runs CUDA 11.8"},
      {"515.65.01", "11.8", false, "too old for CUDA 11.8, which needs 520.61"},
      {"1000.1", "13.0", true, "runs CUDA 13.0"},
      {"[N/A]", "13.0", false, "is no driver version"},
      {"580.65.06", "14.2", false, "is not known here"},
  };
  for (const auto& expected : kCases) {
    const DriverVerdict verdict = CheckDriver(expected.driver, expected.cuda);
    EXPECT_EQ(verdict.works, expected.works) << expected.driver << " " << expected.cuda;
    EXPECT_THAT(verdict.text, HasSubstr(expected.text));
  }
}

}  // namespace
}  // namespace forensics::pods
