#include "runner/cuda/nvml.h"

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr int kNotSupported = 3;

Nvml::Device TheDevice() { return reinterpret_cast<Nvml::Device>(0x18); }

// A GPU of which NVML knows everything asked for.
Nvml MakeNvml() {
  Nvml nvml = {};
  nvml.nvmlSystemGetDriverVersion = [](char* version, unsigned) {
    std::strcpy(version, "580.65.06");
    return 0;
  };
  nvml.nvmlDeviceGetHandleByUUID = [](const char* uuid, Nvml::Device* device) {
    *device = TheDevice();
    return std::strcmp(uuid, "GPU-1") == 0 ? 0 : 6;
  };
  nvml.nvmlDeviceGetMigMode = [](Nvml::Device device, unsigned* current, unsigned* pending) {
    *current = 0;
    *pending = 1;
    return device == TheDevice() ? 0 : 2;
  };
  nvml.nvmlDeviceGetEccMode = [](Nvml::Device, unsigned* current, unsigned*) {
    *current = 1;
    return 0;
  };
  nvml.nvmlDeviceGetPersistenceMode = [](Nvml::Device, unsigned* mode) {
    *mode = 1;
    return 0;
  };
  nvml.nvmlDeviceGetPowerManagementLimit = [](Nvml::Device, unsigned* milliwatts) {
    *milliwatts = 700000;
    return 0;
  };
  nvml.nvmlDeviceGetMaxClockInfo = [](Nvml::Device, unsigned clock, unsigned* megahertz) {
    *megahertz = clock == 1 ? 1980 : 2619;
    return 0;
  };
  nvml.nvmlDeviceGetClockInfo = [](Nvml::Device, unsigned clock, unsigned* megahertz) {
    *megahertz = clock == 1 ? 1755 : 2619;
    return 0;
  };
  nvml.nvmlDeviceGetTemperature = [](Nvml::Device, unsigned, unsigned* celsius) {
    *celsius = 41;
    return 0;
  };
  nvml.nvmlDeviceGetPowerUsage = [](Nvml::Device, unsigned* milliwatts) {
    *milliwatts = 123450;
    return 0;
  };
  nvml.nvmlDeviceGetTotalEccErrors = [](Nvml::Device, unsigned type, unsigned,
                                        unsigned long long* count) {
    *count = type == 1 ? 2 : 17;
    return 0;
  };
  nvml.nvmlDeviceGetCurrentClocksThrottleReasons = [](Nvml::Device, unsigned long long* reasons) {
    *reasons = 0x24;
    return 0;
  };
  return nvml;
}

TEST(NvmlTest, Facts) {
  const NvmlFacts facts = ReadNvmlFacts(MakeNvml(), "GPU-1");
  EXPECT_EQ(facts.driver, "580.65.06");
  EXPECT_EQ(facts.mig, "disabled");
  EXPECT_THAT(facts.others, UnorderedElementsAre(
                                Pair("ecc_mode", "enabled"), Pair("persistence_mode", "enabled"),
                                Pair("power_limit_watts", "700"), Pair("max_sm_clock_mhz", "1980"),
                                Pair("max_memory_clock_mhz", "2619")));
}

TEST(NvmlTest, Condition) {
  EXPECT_THAT(ReadNvmlCondition(MakeNvml(), "GPU-1"),
              UnorderedElementsAre(Pair("sm_clock_mhz", "1755"), Pair("memory_clock_mhz", "2619"),
                                   Pair("temperature_celsius", "41"), Pair("power_watts", "123.45"),
                                   Pair("clock_limits", "0x24"), Pair("ecc_uncorrected", "2"),
                                   Pair("ecc_corrected", "17")));
}

TEST(NvmlTest, APartOfAGpuIsFoundByItsOwnName) {
  Nvml nvml = MakeNvml();
  nvml.nvmlDeviceGetHandleByUUID = [](const char* uuid, Nvml::Device* device) {
    *device = TheDevice();
    return std::strcmp(uuid, "MIG-1") == 0 ? 0 : 6;
  };
  EXPECT_EQ(ReadNvmlFacts(nvml, "GPU-1").mig, "disabled");
}

TEST(NvmlTest, WhatIsNotKnownIsLeftOut) {
  Nvml nvml = MakeNvml();
  nvml.nvmlDeviceGetMigMode = nullptr;
  nvml.nvmlDeviceGetMaxClockInfo = nullptr;
  nvml.nvmlDeviceGetEccMode = [](Nvml::Device, unsigned*, unsigned*) { return kNotSupported; };
  const NvmlFacts facts = ReadNvmlFacts(nvml, "GPU-1");
  EXPECT_EQ(facts.mig, "");
  EXPECT_THAT(facts.others, UnorderedElementsAre(Pair("persistence_mode", "enabled"),
                                                 Pair("power_limit_watts", "700")));
  EXPECT_THAT(ReadNvmlCondition(nvml, "GPU-2"), IsEmpty());
  EXPECT_EQ(ReadNvmlFacts(nvml, "GPU-2").driver, "580.65.06");
}

}  // namespace
}  // namespace forensics::runner
