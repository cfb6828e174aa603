#include "runner/process_environment.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kAvx2Cpu[] = "flags : avx2 fma\n";

// MissingEnvironment of a process that has `environment`.
absl::StatusOr<Environment> Missing(const std::string& cpu_isa, const Environment& environment,
                                    bool cuda = false) {
  return MissingEnvironment({cuda, cpu_isa}, kAvx2Cpu, [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(ProcessEnvironmentTest, IdleThreadsSpinShortlyUnlessTheUserChose) {
  EXPECT_THAT(*Missing("", {}), UnorderedElementsAre(Pair("GOMP_SPINCOUNT", "2000")));
  EXPECT_THAT(*Missing("", {{"GOMP_SPINCOUNT", "1"}}), IsEmpty());
  EXPECT_THAT(*Missing("", {{"OMP_WAIT_POLICY", "PASSIVE"}}), IsEmpty());
}

TEST(ProcessEnvironmentTest, LimitsReplaceWhatWasSet) {
  EXPECT_THAT(*Missing("avx2", {{"OMP_WAIT_POLICY", "PASSIVE"},
                                {"ATEN_CPU_CAPABILITY", "default"},
                                {"ONEDNN_MAX_CPU_ISA", "AVX2"}}),
              UnorderedElementsAre(Pair("ATEN_CPU_CAPABILITY", "avx2"),
                                   Pair("MKL_ENABLE_INSTRUCTIONS", "AVX2")));
}

TEST(ProcessEnvironmentTest, CudaLibrariesAreFixedUnlessTheUserChose) {
  const Environment missing = *Missing("", {{"NCCL_PROTO", "LL"}}, /*cuda=*/true);
  EXPECT_THAT(missing, Contains(Pair("CUBLAS_WORKSPACE_CONFIG", ":4096:8")));
  EXPECT_THAT(missing, Contains(Pair("NVIDIA_TF32_OVERRIDE", "0")));
  EXPECT_THAT(missing, Contains(Pair("NCCL_ALGO", "Ring")));
  EXPECT_THAT(missing, Not(Contains(Key("NCCL_PROTO"))));
}

TEST(ProcessEnvironmentTest, OnceSetNothingIsMissing) {
  for (const char* cpu_isa : {"", "avx2"}) {
    for (const bool cuda : {false, true}) {
      const Environment first = *Missing(cpu_isa, {}, cuda);
      EXPECT_THAT(*Missing(cpu_isa, first, cuda), IsEmpty()) << cpu_isa;
    }
  }
}

TEST(ProcessEnvironmentTest, Errors) {
  EXPECT_THAT(std::string(Missing("sse2", {}).status().message()),
              HasSubstr("--cpu_isa: expected one of"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Missing("amx", {}).status()));
}

}  // namespace
}  // namespace forensics::runner
