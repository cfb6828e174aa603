#include "analyzer/analysis/extent.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;

// `values` values on each of `hardware` kinds; no runs.
Experiment Grid(int values, int hardware) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  experiment.path = "batch_size_experiment.json";
  for (int h = 0; h < hardware; ++h) {
    for (int v = 1; v <= values; ++v) {
      experiment.configurations.push_back(
          MakeConfiguration(absl::StrCat("gpu", h, "_", v), absl::StrCat("gpu", h), int64_t{v}));
    }
  }
  return experiment;
}

TEST(CountPairs, WithinAndAcrossHardware) {
  EXPECT_EQ(CountPairs(Grid(1, 1)), 0);
  EXPECT_EQ(CountPairs(Grid(4, 1)), 3);
  // 3 on each, 4 across, 3 each way against the other's baseline.
  EXPECT_EQ(CountPairs(Grid(4, 2)), 3 + 3 + 4 + 3 + 3);
}

TEST(CheckExtent, TakesWhatAnExperimentHasAndNamesWhatIsBeyondMemory) {
  EXPECT_EQ(CheckExtent(Grid(100, 4)), absl::OkStatus());
  EXPECT_EQ(CheckExtent(Grid(1, 100)), absl::OkStatus());
  // 5 signals each.
  EXPECT_EQ(std::string(CheckExtent(Grid(64, 16)).message()),
            absl::StrCat("batch_size_experiment.json: at /configurations: up to ",
                         16 * 16 * 63 + 120 * 64,
                         " pairs of configurations with 5 signals each, more than 32768 signals of "
                         "pairs in all; compare parts of the experiment, each with the baselines"));
  Experiment layers = Grid(1, 1);
  for (int layer = 0; layer < 20000; ++layer) layers.layers.push_back(layer);
  EXPECT_THAT(std::string(CheckExtent(layers).message()), HasSubstr("with 40001 signals each"));
}

}  // namespace
}  // namespace forensics::analyzer
