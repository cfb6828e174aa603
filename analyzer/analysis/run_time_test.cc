#include "analyzer/analysis/run_time.h"

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::Optional;
using ::testing::SizeIs;

void AddTimedRuns(Experiment& experiment, const std::string& config_id, bool concurrent,
                  const std::vector<double>& seconds) {
  experiment.configurations.push_back(MakeConfiguration(config_id, "A100", concurrent));
  for (const double s : seconds) {
    RunRecord& run = experiment.runs.emplace_back();
    run.config_id = config_id;
    run.runtime_seconds = s;
  }
}

TEST(RunTimes, AreMeansVariancesAndSlowdownsAgainstTheBaseline) {
  Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
  AddTimedRuns(experiment, "concurrent", true, {5, 6, 7});
  AddTimedRuns(experiment, "single", false, {4});
  const std::vector<RunTime> times = RunTimes(experiment, GroupByHardware(experiment)[0]);
  ASSERT_THAT(times, SizeIs(2));
  EXPECT_EQ(times[0].configuration->config_id, "concurrent");
  EXPECT_EQ(times[0].repetitions, 3);
  EXPECT_THAT(times[0].mean_seconds, Optional(6.0));
  EXPECT_THAT(times[0].variance, Optional(1.0));
  EXPECT_THAT(times[0].slowdown, Optional(1.5));
  EXPECT_THAT(times[1].slowdown, Optional(1.0));
  EXPECT_EQ(times[1].variance, std::nullopt);
}

TEST(RunTimes, WithoutTimesOfRunsTheConfigurationsMeanIsTaken) {
  Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
  AddTimedRuns(experiment, "single", false, {});
  AddTimedRuns(experiment, "concurrent", true, {});
  experiment.configurations[1].mean_seconds = 3;
  std::vector<RunTime> times = RunTimes(experiment, GroupByHardware(experiment)[0]);
  EXPECT_EQ(times[0].mean_seconds, std::nullopt);
  EXPECT_THAT(times[1].mean_seconds, Optional(3.0));
  EXPECT_EQ(times[1].slowdown, std::nullopt);
  experiment.configurations[0].mean_seconds = 2;
  times = RunTimes(experiment, GroupByHardware(experiment)[0]);
  EXPECT_THAT(times[1].slowdown, Optional(1.5));
}

}  // namespace
}  // namespace forensics::analyzer
