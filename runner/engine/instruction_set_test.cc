#include "runner/engine/instruction_set.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kZen4[] =
    "processor : 0\nflags\t\t: fpu fma avx2 avx512f avx512dq avx512bw avx512vl avx512_bf16\n"
    "processor : 1\nflags\t\t: fpu\n";
constexpr char kSapphireRapids[] =
    "flags : fma avx2 avx512f avx512dq avx512bw avx512vl amx_bf16 amx_tile amx_int8\n";

TEST(InstructionSetTest, EachIsFoundByItsName) {
  const std::pair<const char*, const char*> cases[] = {
      {"avx2", "AVX2"}, {"avx512", "AVX512"}, {"amx", "AMX"}};
  for (const auto& [name, label] : cases) {
    const auto found = FindInstructionSet(name);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(found->label, label);
  }
}

TEST(InstructionSetTest, OthersAreRefused) {
  for (const char* name : {"", "AVX2", "sse4", "avx512 "}) {
    EXPECT_THAT(std::string(FindInstructionSet(name).status().message()),
                HasSubstr("expected one of avx2, avx512, amx, found"))
        << name;
  }
}

TEST(InstructionSetTest, LimitsEveryLibrary) {
  EXPECT_THAT(FindInstructionSet("avx2")->environment,
              UnorderedElementsAre(Pair("ATEN_CPU_CAPABILITY", "avx2"),
                                   Pair("MKL_ENABLE_INSTRUCTIONS", "AVX2"),
                                   Pair("ONEDNN_MAX_CPU_ISA", "AVX2")));
}

TEST(InstructionSetTest, WhatTheCpuLacksIsNamed) {
  const struct {
    const char* set;
    const char* cpuinfo;
    const char* error;  // empty: none
  } cases[] = {
      {"avx2", kZen4, ""},
      {"avx512", kZen4, ""},
      {"amx", kZen4,
       "--cpu_isa=amx: this CPU lacks amx_tile, amx_bf16, amx_int8; it has avx2, avx512"},
      {"amx", kSapphireRapids, ""},
      {"avx512", "flags : avx2 fma avx512f\n",
       "--cpu_isa=avx512: this CPU lacks avx512bw, avx512dq, avx512vl; it has avx2"},
      {"avx2", "flags : sse4_2\n",
       "--cpu_isa=avx2: this CPU lacks avx2, fma; it has none of the sets to choose from"},
      {"avx2", "",
       "--cpu_isa=avx2: this CPU lacks avx2, fma; it has none of the sets to choose from"},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckCpuHas(*FindInstructionSet(c.set), c.cpuinfo);
    EXPECT_EQ(std::string(status.message()), c.error) << c.set << " in " << c.cpuinfo;
  }
}

}  // namespace
}  // namespace forensics::runner
