#include "runner/other_build.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/engine/machine.h"

namespace forensics::runner {
namespace {

TEST(OtherBuildTest, TheDefaultAndItsOwnVersionAreThisProgram) {
  const RunnerOptions options;
  for (const std::string version : {"default", LibtorchCudaVersion()}) {
    EXPECT_TRUE(IsThisBuild(version)) << version;
    EXPECT_EQ(*ProgramFor(version, options), "/proc/self/exe") << version;
  }
}

TEST(OtherBuildTest, OthersAreThoseThatCameAlong) {
  RunnerOptions options;
  options.other_builds = {{"9.9", "/somewhere/exp6_cuda_9.9"}};
  EXPECT_FALSE(IsThisBuild("9.9"));
  EXPECT_EQ(*ProgramFor("9.9", options), "/somewhere/exp6_cuda_9.9");
  const absl::Status missing = ProgramFor("1.0", options).status();
  EXPECT_TRUE(absl::IsUnavailable(missing)) << missing;
  EXPECT_THAT(std::string(missing.message()), ::testing::HasSubstr("libtorch for CUDA 1.0"));
}

}  // namespace
}  // namespace forensics::runner
