#include "analyzer/analysis/run_time.h"

#include <cmath>
#include <map>

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
  int64_t repetition = 0;
  for (const double s : seconds) {
    RunRecord& run = experiment.runs.emplace_back();
    run.config_id = config_id;
    run.rep_id = repetition++;
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

TEST(RunTimes, TimesThatAreNoneAreNotKnown) {
  Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
  AddTimedRuns(experiment, "single", false, {2, std::nan(""), 4, INFINITY, -1});
  const std::vector<RunTime> times = RunTimes(experiment, GroupByHardware(experiment)[0]);
  EXPECT_EQ(times[0].repetitions, 2);
  EXPECT_THAT(times[0].mean_seconds, Optional(3.0));
}

// By hand, in small_samples_test.cc.
TEST(RunTimes, HaveAnIntervalOfTheSlowdownAndAProbability) {
  Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
  AddTimedRuns(experiment, "single", false, {4, 4, 4});
  AddTimedRuns(experiment, "concurrent", true, {5, 6, 7});
  const std::vector<RunTime> times = RunTimes(experiment, GroupByHardware(experiment)[0]);
  ASSERT_TRUE(times[1].slowdown_interval.has_value());
  EXPECT_NEAR(times[1].slowdown_interval->low, 1.5 - 4.302653 / std::sqrt(3) / 4, 1e-6);
  EXPECT_EQ(times[1].interval_reason, "");
  // t = 2 sqrt(3), two degrees of freedom: (1 - t / sqrt(2 + t^2)) / 2.
  EXPECT_NEAR(times[1].slower_p_value.value(), (1 - std::sqrt(12.0 / 14)) / 2, 1e-9);
  EXPECT_EQ(times[0].slowdown_interval.has_value(), false);
  EXPECT_EQ(times[0].interval_reason, "the baseline itself");
  EXPECT_EQ(times[0].slower_p_value, std::nullopt);
}

TEST(RunTimes, SayWhyThereIsNoInterval) {
  const struct {
    std::vector<double> baseline, variant;
    const char* reason;
  } kCases[] = {{{}, {5, 6}, "a run time is not known, 0 or beyond a double"},
                {{1e-10, 1e-10}, {1e300, 2e300}, "a run time is not known, 0 or beyond a double"},
                {{4, 5}, {1e200, 2e200}, "the run times are beyond a double"},
                {{4, 5}, {5}, "fewer than two run times of one"},
                {{4}, {5, 6}, "fewer than two run times of one"},
                {{4, 4, 4}, {5, 5, 5}, "no run time differs from its mean"},
                {{4, 8}, {5, 6}, "the run times scatter too much for a bound"}};
  for (const auto& c : kCases) {
    Experiment experiment = MakeExperiment("concurrent_streams", "concurrent_work");
    AddTimedRuns(experiment, "single", false, c.baseline);
    AddTimedRuns(experiment, "concurrent", true, c.variant);
    const std::vector<RunTime> times = RunTimes(experiment, GroupByHardware(experiment)[0]);
    EXPECT_FALSE(times[1].slowdown_interval.has_value()) << c.reason;
    EXPECT_EQ(times[1].interval_reason, c.reason);
  }
}

TEST(WarmUp, IsSystematicWhereTheFirstIsTooOftenTheSlowest) {
  Experiment experiment = MakeExperiment("batch_size", "batch_size");
  AddTimedRuns(experiment, "a", false, {6, 5, 5});
  AddTimedRuns(experiment, "b", true, {5.5, 5, 5});
  AddTimedRuns(experiment, "two repetitions", true, {9, 1});
  std::map<std::string, std::vector<RunTime>> times;
  times["A100"] = RunTimes(experiment, GroupByHardware(experiment)[0]);
  std::optional<WarmUp> warm_up = FindWarmUp(times);
  ASSERT_TRUE(warm_up.has_value());
  EXPECT_EQ(warm_up->configurations, 2);
  EXPECT_EQ(warm_up->first_slowest, 2);
  EXPECT_DOUBLE_EQ(warm_up->p_value, 1 / 9.0);
  EXPECT_DOUBLE_EQ(warm_up->mean_first_over_others, 1.15);
  EXPECT_FALSE(warm_up->is_systematic());
  AddTimedRuns(experiment, "c", true, {5.1, 5, 5});
  AddTimedRuns(experiment, "d", true, {5, 5.2, 5});
  times["A100"] = RunTimes(experiment, GroupByHardware(experiment)[0]);
  EXPECT_DOUBLE_EQ(FindWarmUp(times)->p_value, 9 / 81.0) << "three or four of four";
  AddTimedRuns(experiment, "e", true, {7, 5, 5});
  times["A100"] = RunTimes(experiment, GroupByHardware(experiment)[0]);
  EXPECT_TRUE(FindWarmUp(times)->is_systematic());
  EXPECT_FALSE(FindWarmUp({}).has_value());
}

}  // namespace
}  // namespace forensics::analyzer
