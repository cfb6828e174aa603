#include "analyzer/parallel/parallel.h"

#include <atomic>
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

TEST(RunOnAllCores, NothingToDoIsDone) { RunOnAllCores({}); }

}  // namespace
}  // namespace forensics::analyzer
