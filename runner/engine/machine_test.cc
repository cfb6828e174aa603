#include "runner/engine/machine.h"

#include <ATen/Context.h>
#include <ATen/Version.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/engine/instruction_set.h"

namespace forensics::runner {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Key;
using ::testing::MatchesRegex;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(MachineTest, CpuLabels) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"model name\t: Intel(R) Xeon(R) Platinum 8480C CPU @ 2.00GHz",
       "Intel Xeon Platinum 8480C X"},
      {"processor : 0\nmodel name\t: AMD EPYC 9654 96-Core Processor\nmodel name : other",
       "AMD EPYC 9654 X"},
      {"no such field", "CPU X"},
      {"model name :   ", "CPU X"},
      {"", "CPU X"},
  };
  for (const auto& [cpuinfo, label] : cases) EXPECT_EQ(CpuLabel(cpuinfo, "X"), label);
}

TEST(MachineTest, ALimitIsInTheLabel) {
  EXPECT_THAT(ThisCpuLabel("amx"), EndsWith(" AMX"));
  EXPECT_THAT(ThisCpuLabel("avx2"), EndsWith(" AVX2"));
  EXPECT_THAT(ThisCpuLabel(""), EndsWith(UnlimitedLabel(at::get_cpu_capability(), CpuInfo())));
}

TEST(MachineTest, OneDnnUsesAmxWhereTheCpuHasIt) {
  constexpr char kFlags[] =
      "flags : fma avx2 f16c bmi1 bmi2 avx512f avx512bw avx512vl avx512dq avx512cd avx512_vnni "
      "avx512_bf16 amx_tile amx_bf16 amx_int8\n";
  EXPECT_EQ(UnlimitedLabel("AVX512", kFlags), "AMX");
  EXPECT_EQ(UnlimitedLabel("AVX2", kFlags), "AVX2");  // limited by the environment
  EXPECT_EQ(UnlimitedLabel("AVX512", "flags : avx2 avx512f avx512bw\n"), "AVX512");
}

TEST(MachineTest, SettingsSayWhatWasSet) {
  setenv("MKL_CBWR", "COMPATIBLE", 1);
  MakeDeterministic(1);
  EXPECT_THAT(MachineSettings(), Contains(Pair("threads", "1")));
  EXPECT_THAT(MachineSettings(), Contains(Pair("deterministic_algorithms", "true")));
  EXPECT_THAT(MachineSettings(), Contains(Pair("float32_matmul_precision", "highest")));
  EXPECT_THAT(MachineSettings(), Contains(Pair("env.MKL_CBWR", "COMPATIBLE")));
  EXPECT_THAT(MachineSettings(), Contains(Key("cpu_capability")));
}

TEST(MachineTest, NoReducedPrecisionOnGpus) {
  at::globalContext().setAllowBF16ReductionCuBLAS(true);
  EXPECT_THAT(CudaSettings(), Contains(Pair("bf16_reduced_precision_reduction", "true")));
  MakeDeterministic(1);
  EXPECT_THAT(
      CudaSettings(),
      UnorderedElementsAre(Pair("tf32", "false"), Pair("fp16_reduced_precision_reduction", "false"),
                           Pair("bf16_reduced_precision_reduction", "false"),
                           Pair("cudnn_benchmark", "false"), Pair("cudnn_deterministic", "true")));
}

TEST(MachineTest, VersionsNameThisProgramAndLibtorch) {
  EXPECT_EQ(ThisVersions().torch().substr(0, 2), "2.");
  EXPECT_THAT(ThisVersions().cuda(), MatchesRegex("1[1-3]\\.[0-9]"));
  EXPECT_EQ(ThisVersions().runner().size(), std::string("sha256:").size() + 16);
}

}  // namespace
}  // namespace forensics::runner
