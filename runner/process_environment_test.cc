#include "runner/process_environment.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kAvx2Cpu[] = "flags : avx2 fma\n";

// MissingEnvironment of a process that has `environment`.
absl::StatusOr<Environment> Missing(absl::string_view cpu_isa, const Environment& environment) {
  return MissingEnvironment(cpu_isa, kAvx2Cpu, [&](const char* name) {
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

TEST(ProcessEnvironmentTest, OnceSetNothingIsMissing) {
  for (const char* cpu_isa : {"", "avx2"}) {
    const Environment first = *Missing(cpu_isa, {});
    EXPECT_THAT(*Missing(cpu_isa, first), IsEmpty()) << cpu_isa;
  }
}

TEST(ProcessEnvironmentTest, Errors) {
  EXPECT_THAT(std::string(Missing("sse2", {}).status().message()),
              HasSubstr("--cpu_isa: expected one of"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Missing("amx", {}).status()));
}

}  // namespace
}  // namespace forensics::runner
