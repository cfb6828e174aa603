// Needs no GPU.
#include "third_party/nvrtc/compiler.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nvrtc {
namespace {

using ::testing::HasSubstr;

constexpr char kTwice[] = "extern \"C\" __global__ void twice(float* x) { x[threadIdx.x] *= 2; }";

TEST(CompilerTest, MakesMachineCodeAndReportsRegisters) {
  const auto compiled = CompileToCubin(kTwice, "twice.cu", "sm_90", {});
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  EXPECT_EQ(compiled->cubin.substr(1, 3), "ELF");
  EXPECT_THAT(compiled->cubin, HasSubstr("twice"));
  EXPECT_THAT(compiled->report, HasSubstr("registers"));
}

TEST(CompilerTest, OutputIsReproducible) {
  const auto first = CompileToCubin(kTwice, "twice.cu", "sm_90", {});
  const auto second = CompileToCubin(kTwice, "twice.cu", "sm_90", {});
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->cubin, second->cubin);
  EXPECT_EQ(first->report, second->report);
  EXPECT_THAT(first->report, testing::Not(HasSubstr("time")));
}

TEST(CompilerTest, ReportsTheLog) {
  const auto compiled = CompileToCubin("__global__ void f() { g(); }", "f.cu", "sm_80", {});
  EXPECT_THAT(std::string(compiled.status().message()), HasSubstr("f.cu for sm_80"));
  EXPECT_THAT(std::string(compiled.status().message()), HasSubstr("identifier \"g\""));
}

}  // namespace
}  // namespace nvrtc
