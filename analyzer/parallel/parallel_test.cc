#include "analyzer/parallel/parallel.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(RunOnAllCores, CallsEachTaskOnce) {
  std::vector<std::atomic<int>> calls(1000);
  std::vector<std::function<void()>> tasks;
  for (std::atomic<int>& count : calls) tasks.push_back([&count] { ++count; });
  RunOnAllCores(tasks);
  for (const std::atomic<int>& count : calls) EXPECT_EQ(count, 1);
}

TEST(RunOnAllCores, TasksMayHaveTasksOfTheirOwn) {
  std::atomic<int> calls{0};
  const std::vector<std::function<void()>> inner(50, [&calls] { ++calls; });
  const std::vector<std::function<void()>> middle(20, [&inner] { RunOnAllCores(inner); });
  RunOnAllCores(std::vector<std::function<void()>>(20, [&middle] { RunOnAllCores(middle); }));
  EXPECT_EQ(calls, 20 * 20 * 50);
}

// One of two tasks calls two that need each other. Where there are two cores, only the thread that
// has done the other one can help.
TEST(RunOnAllCores, WhoWaitsHelpsWithLaterCalls) {
  if (UsableCores() < 2) GTEST_SKIP() << "one core";
  std::mutex mutex;
  std::condition_variable changed;
  bool begun = false;
  int here = 0;
  const auto wait_for = [&](auto&& condition) {
    std::unique_lock<std::mutex> lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), condition));
  };
  const auto set = [&](auto&& change) {
    const std::lock_guard<std::mutex> lock(mutex);
    change();
    changed.notify_all();
  };
  const auto meet = [&] {
    set([&] { ++here; });
    wait_for([&] { return here == 2; });
  };
  const auto other = [&] { wait_for([&] { return begun; }); };
  const auto caller = [&] {
    set([&] { begun = true; });
    RunOnAllCores({meet, meet});
  };
  RunOnAllCores({other, caller});
}

TEST(RunOnAllCores, AllIsDoneWhenItReturns) {
  for (int round = 0; round < 200; ++round) {
    int sum = 0;  // not atomic: written by one task, read behind it
    RunOnAllCores({[&sum] { ++sum; }});
    ASSERT_EQ(sum, 1);
    std::vector<int> values(8);
    std::vector<std::function<void()>> tasks;
    for (int& value : values) tasks.push_back([&value] { value = 1; });
    RunOnAllCores(tasks);
    for (const int value : values) ASSERT_EQ(value, 1);
  }
}

// Unwinding the call would leave its tasks to the other threads.
TEST(RunOnAllCoresDeathTest, ATaskThatThrowsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto call = [] {
    try {
      RunOnAllCores({[] { throw std::runtime_error("of a task"); }});
    } catch (const std::runtime_error&) {
    }
  };
  EXPECT_DEATH(call(), "of a task");
}

TEST(RunOnAllCores, NothingToDoIsDone) { RunOnAllCores({}); }

TEST(UsableCores, AreThoseThatTheProcessMayUse) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(UsableCores(), CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(UsableCores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace forensics::analyzer
