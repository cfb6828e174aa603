#include "pods/cpu_facts.h"

#include <gtest/gtest.h>

namespace forensics::pods {
namespace {

std::string Name(const std::string& flags, const std::string& rest) {
  return CpuName("processor\t: 0\nmodel name\t: CPU X\n" + rest + "flags\t\t: " + flags + "\n");
}

TEST(CpuNameTest, InstructionSetsTellProcessorsOfOneNameApart) {
  const std::string amx = Name("avx2 amx_bf16", "cpu MHz\t: 2000\n");
  EXPECT_EQ(amx.substr(0, 6), "CPU X ");
  EXPECT_EQ(amx, Name("avx2 amx_bf16", "cpu MHz\t: 3000\n"));
  EXPECT_NE(amx, Name("avx2", "cpu MHz\t: 2000\n"));
}

TEST(CpuNameTest, TheFirstProcessorSpeaksForAll) {
  EXPECT_EQ(CpuName("model name: X\nflags: a\n\nmodel name: Y\nflags: b\n"),
            CpuName("model name: X\nflags: a\n"));
  EXPECT_EQ(CpuName(""), "");
}

}  // namespace
}  // namespace forensics::pods
