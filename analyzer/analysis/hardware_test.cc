#include "analyzer/analysis/hardware.h"

#include <optional>
#include <tuple>
#include <utility>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(HardwareName, LabelsMatchByThePlansNamesAsSubstrings) {
  const std::pair<const char*, const char*> cases[] = {
      {"A100-80GB", "A100"},
      {"NVIDIA A100-SXM4-80GB", "A100"},
      {"H100", "H100"},
      {"NVIDIA H100 80GB HBM3", "H100"},
      {"H200", "H200"},
      {"AMD EPYC 9555 (AVX-512)", "AMD EPYC 9555 (AVX-512)"},
      {"MI300X", "MI300X"},
      {"", ""},
      {"h100 pcie", "H100"},
      {"a100", "A100"},
      {"emulated:H100", "emulated:H100"},
  };
  for (const auto& [label, name] : cases) EXPECT_EQ(HardwareName(label), name) << label;
}

TEST(OwnEmulation, IsOfTheSameGpuHoweverItIsSpelled) {
  EXPECT_EQ(EmulatedGpu("emulated:H100"), "H100");
  EXPECT_EQ(EmulatedGpu("H100"), std::nullopt);
  const std::tuple<const char*, const char*, bool> cases[] = {
      {"H100", "emulated:H100", true},     {"emulated:H100", "NVIDIA H100 80GB HBM3", true},
      {"Emulated:h100", "H100", true},     {"emulated:H100", "emulated:H100-80GB", true},
      {"emulated:A100", "H100", false},    {"emulated:A100", "emulated:H100", false},
      {"H100", "NVIDIA H100 PCIe", false}, {"emulated:H100", "AMD EPYC AVX512", false},
  };
  for (const auto& [a, b, is_own] : cases)
    EXPECT_EQ(IsOwnEmulation(a, b), is_own) << a << ", " << b;
}

TEST(ArithmeticNames, AnEmulationBesideItsGpuHasTheGpusName) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  for (const char* label : {"NVIDIA H100 80GB HBM3", "emulated:H100", "emulated:A100"}) {
    AddRun(experiment, label, label, int64_t{1}, 0);
  }
  EXPECT_THAT(ArithmeticNames(experiment), ElementsAre(std::pair("NVIDIA H100 80GB HBM3", "H100"),
                                                       std::pair("emulated:A100", "emulated:A100"),
                                                       std::pair("emulated:H100", "H100")));
}

// The config_id of the baseline that is chosen among `values` of `variable`, each named by its
// place.
std::string Baseline(const std::string& variable, const std::vector<JsonScalar>& values) {
  Experiment experiment = MakeExperiment("any", variable);
  for (size_t i = 0; i < values.size(); ++i) {
    experiment.configurations.push_back(
        MakeConfiguration(std::to_string(i), "A100-80GB", values[i]));
  }
  return GroupByHardware(experiment).front().baseline->config_id;
}

TEST(Baseline, IsTheConfigurationWithExperimentZerosValueWhereverItIsListed) {
  const std::string flash = "flash_attention_2", eager = "eager", awq = "awq", gptq = "gptq";
  EXPECT_EQ(Baseline("batch_size", {int64_t{4}, int64_t{2}, int64_t{1}}), "2");
  EXPECT_EQ(Baseline("batch_size", {int64_t{4}, 1.0}), "1");
  EXPECT_EQ(Baseline("compile", {true, false}), "1");
  EXPECT_EQ(Baseline("quant_method", {gptq, awq}), "1");
  EXPECT_EQ(Baseline("attention_impl", {eager, flash}), "1");
  EXPECT_EQ(Baseline("concurrent_work", {true, false}), "1");
  EXPECT_EQ(Baseline("tp_size", {int64_t{2}, int64_t{1}}), "1");
  EXPECT_EQ(Baseline("ep_size", {int64_t{2}, int64_t{1}}), "1");
  EXPECT_EQ(Baseline("none", {std::string("baseline")}), "0");
}

TEST(Baseline, OfCudaVersionIsThePodsDefault) {
  const std::string old = "11.8", middle = "12.1", pod = "12.8", newer = "13.0";
  EXPECT_EQ(Baseline("cuda_version", {old, middle, pod}), "2");
  EXPECT_EQ(Baseline("cuda_version", {old, newer, middle}), "1");
  EXPECT_EQ(Baseline("cuda_version", {old, std::string("default")}), "1");
  EXPECT_EQ(Baseline("cuda_version", {pod, std::string("default"), old}), "1")
      << "where the default is another, 12.8 is a value like any other";
  EXPECT_EQ(Baseline("cuda_version", {middle, old}), "0");
}

TEST(Baseline, IsTheFirstListedWhereNoneHasExperimentZerosValue) {
  EXPECT_EQ(Baseline("batch_size", {int64_t{4}, int64_t{2}}), "0");
  EXPECT_EQ(Baseline("a_new_variable", {std::string("x"), std::string("y")}), "0");
  EXPECT_EQ(Baseline("batch_size", {std::monostate(), true}), "0");
}

TEST(GroupByHardware, AnyNumberOfLabelsInTheOrderListed) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  for (const auto& [id, label] : {std::pair("a", "H200"), std::pair("b", "NVIDIA A100-SXM4-80GB"),
                                  std::pair("c", "cpu"), std::pair("d", "NVIDIA A100-SXM4-80GB")}) {
    experiment.configurations.push_back(MakeConfiguration(id, label, int64_t{1}));
  }
  const std::vector<HardwareGroup> groups = GroupByHardware(experiment);
  std::vector<std::string> names;
  for (const HardwareGroup& group : groups) names.push_back(group.name);
  EXPECT_THAT(names, ElementsAre("H200", "A100", "cpu"));
  EXPECT_THAT(groups[1].configurations, SizeIs(2));
}

TEST(GroupByHardware, LabelsThatContradictEachOtherStayApartUnderTheirFullNames) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.configurations = {MakeConfiguration("a", "A100-40GB", int64_t{1}),
                               MakeConfiguration("b", "NVIDIA H100 80GB HBM3", int64_t{1}),
                               MakeConfiguration("c", "A100-80GB", int64_t{1}),
                               MakeConfiguration("d", "A100-40GB", int64_t{2}),
                               MakeConfiguration("e", "A100", int64_t{1})};
  const std::vector<HardwareGroup> groups = GroupByHardware(experiment);
  std::vector<std::string> names;
  for (const HardwareGroup& group : groups) names.push_back(group.name);
  EXPECT_THAT(names, ElementsAre("A100-40GB", "H100", "A100-80GB", "A100"));
  EXPECT_THAT(groups[0].configurations, SizeIs(2));
  EXPECT_EQ(groups[2].baseline->config_id, "c");
}

TEST(HardwareNames, LabelsOfOneNameAreOneHardwareUnlessTheyContradictEachOther) {
  struct Case {
    const char* a;
    const char* b;
    bool one;
  };
  const Case cases[] = {
      {"NVIDIA A100-SXM4-80GB", "A100-80GB", true},
      {"A100", "a100-80gb", true},
      {"NVIDIA H100 80GB HBM3", "H100", true},
      {"A100-40GB", "A100-80GB", false},
      {"NVIDIA A100-SXM4-80GB", "NVIDIA A100-PCIE-40GB", false},
      {"H100 SXM", "H100 PCIe", false},
      {"A100-80GB", "H100-80GB", false},
  };
  for (const auto& [a, b, one] : cases) {
    SCOPED_TRACE(std::string(a) + ", " + b);
    Experiment experiment = MakeExperiment("batch_size", "batch_size");
    experiment.configurations = {MakeConfiguration("a", a, int64_t{1}),
                                 MakeConfiguration("b", b, int64_t{2})};
    EXPECT_THAT(GroupByHardware(experiment), SizeIs(one ? 1 : 2));
    EXPECT_THAT(SharedNames(experiment), SizeIs(one ? 1 : 0));
  }
}

TEST(GroupByHardware, AConfigIdListedAgainIsLeftOut) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.configurations = {MakeConfiguration("a", "A100", int64_t{1}),
                               MakeConfiguration("a", "H100", int64_t{2})};
  EXPECT_THAT(GroupByHardware(experiment), SizeIs(1));
  EXPECT_THAT(GroupByHardware(Experiment()), SizeIs(0));
}

}  // namespace
}  // namespace forensics::analyzer
