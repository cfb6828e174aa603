#include "analyzer/analysis/confounding.h"

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Circumstances = std::map<std::string, std::string>;

Configuration With(const Circumstances& circumstances) {
  Configuration configuration;
  configuration.circumstances = circumstances;
  return configuration;
}

// "torch_version: 2.11.0 -> 2.5.1" for each difference.
std::vector<std::string> Differences(const std::string& variable, const Circumstances& baseline,
                                     const Circumstances& variant) {
  std::vector<std::string> lines;
  for (const OtherDifference& difference :
       OtherDifferences(variable, With(baseline), With(variant))) {
    lines.push_back(difference.name + ": " + difference.baseline + " -> " + difference.variant);
  }
  return lines;
}

TEST(OtherDifferences, AreAllButTheVariable) {
  EXPECT_THAT(Differences("cuda_version",
                          {{"cuda_version", "13.0"},
                           {"torch_version", "2.11.0"},
                           {"fixed_params.batch_size", "1"},
                           {"settings.mkl", "2024"},
                           {"settings.threads", "2"}},
                          {{"cuda_version", "11.8"},
                           {"torch_version", "2.5.1"},
                           {"fixed_params.batch_size", "2"},
                           {"settings.mkl", "2023"},
                           {"settings.threads", "2"}}),
              ElementsAre("fixed_params.batch_size: 1 -> 2", "settings.mkl: 2024 -> 2023",
                          "torch_version: 2.11.0 -> 2.5.1"));
}

TEST(OtherDifferences, ThatFollowFromTheVariableDoNotCount) {
  const Circumstances awq = {{"settings.model_digest", "a"}, {"settings.model", "x"}};
  const Circumstances gptq = {{"settings.model_digest", "b"}, {"settings.model", "y"}};
  EXPECT_THAT(Differences("quant_method", awq, gptq), IsEmpty());
  EXPECT_THAT(Differences("batch_size", awq, gptq),
              ElementsAre("settings.model: x -> y", "settings.model_digest: a -> b"));
  EXPECT_THAT(Differences("tp_size", {{"world_size", "1"}}, {{"world_size", "2"}}), IsEmpty());
  EXPECT_THAT(Differences("compile", {{"world_size", "1"}}, {{"world_size", "2"}}),
              ElementsAre("world_size: 1 -> 2"));
}

TEST(OtherDifferences, BookkeepingIsNone) {
  EXPECT_THAT(
      Differences("compile", {{"settings.work_digest", "a"}, {"settings.runner_version", "b"}},
                  {{"settings.work_digest", "c"},
                   {"settings.runner_version", "d"},
                   {"settings.reference_config_id", "e"}}),
      IsEmpty());
}

TEST(OtherDifferences, SettingsOfTheVariantAloneBelongToItButNotItsEnvironment) {
  EXPECT_THAT(Differences("compile", {},
                          {{"settings.package_digest", "a"}, {"settings.env.MKL_CBWR", "AVX2"}}),
              ElementsAre("settings.env.MKL_CBWR:  -> AVX2"));
  EXPECT_THAT(Differences("compile", {{"settings.linear_kernel", "a"}}, {}),
              ElementsAre("settings.linear_kernel: a -> "));
}

TEST(Confounding, IsALineANameOverAllVariantsAndHardwareVersionsFirst) {
  Experiment experiment = MakeExperiment("cuda_version", "cuda_version");
  const auto add = [&](const std::string& id, const std::string& hardware, const std::string& value,
                       const Circumstances& circumstances) {
    experiment.configurations.push_back(MakeConfiguration(id, hardware, value));
    experiment.configurations.back().circumstances = circumstances;
  };
  add("A_cu130", "A", "default", {{"torch_version", "2.11.0"}, {"settings.mkl", "2"}});
  add("A_cu118", "A", "11.8", {{"torch_version", "2.5.1"}, {"settings.mkl", "1"}});
  add("A_cu121", "A", "12.1", {{"torch_version", "2.5.1"}, {"settings.mkl", "2"}});
  add("B_cu130", "B", "default", {{"torch_version", "2.11.0"}});
  add("B_cu121", "B", "12.1", {});
  EXPECT_THAT(Confounding("cuda_version", GroupByHardware(experiment)),
              ElementsAre("cuda_version is confounded with torch_version: 2.11.0 in A_cu130, "
                          "B_cu130; 2.5.1 in A_cu118, A_cu121; not said in B_cu121",
                          "cuda_version is confounded with settings.mkl: 2 in A_cu130; 1 in "
                          "A_cu118"));
}

}  // namespace
}  // namespace forensics::analyzer
