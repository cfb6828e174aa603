#include "runner/engine/processor_load.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

// A clock that stands still unless it is moved, and products that cost nothing.
class FakeLoad {
 public:
  LoadOptions Options(int workers) {
    LoadOptions options;
    options.workers = workers;
    options.processors = 4;
    options.kernel = "fake";
    options.clock = [this] { return now_.load(); };
    options.new_product = [this] {
      ++made_;
      return [this] {
        ++begun_;
        std::this_thread::yield();
        if (!held_) return;
        ++waiting_;
        while (held_) std::this_thread::yield();
        --waiting_;
      };
    };
    return options;
  }
  void SetTime(double seconds) { now_ = seconds; }
  // Whether products take forever.
  void Hold(bool held) { held_ = held; }
  void AwaitHeld(int workers) const {
    while (waiting_ < workers) std::this_thread::yield();
  }
  // Until a worker that was held has begun another product: the one before is counted then.
  void Release() {
    const int begun = begun_;
    Hold(false);
    while (begun_ == begun) std::this_thread::yield();
  }
  int made() const { return made_; }

 private:
  std::atomic<double> now_{100};
  std::atomic<bool> held_{false};
  std::atomic<int> made_{0};
  std::atomic<int> begun_{0};
  std::atomic<int> waiting_{0};
};

void Sleep(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

TEST(ProcessorLoadTest, OverlapIsMeasuredByTheClock) {
  FakeLoad fake;
  auto load = ProcessorLoad::Start(fake.Options(2));
  ASSERT_TRUE(load.ok()) << load.status();
  EXPECT_EQ(fake.made(), 2);
  (*load)->BeginPass();
  fake.Hold(true);  // both are in the middle of a product while the time goes on
  fake.AwaitHeld(2);
  fake.SetTime(103);
  fake.Release();
  (*load)->EndPass();
  fake.SetTime(104);
  (*load)->BeginPass();
  (*load)->EndPass();
  const auto result = (*load)->Finish();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->kernel(), "fake");
  EXPECT_EQ(result->workers(), 2);
  EXPECT_EQ(result->target_utilisation(), 0.5);
  EXPECT_EQ(result->inference_seconds(), 3);
  EXPECT_EQ(result->overlap_seconds(), 3);
  EXPECT_GT(result->products(), 0);
  EXPECT_GT(result->utilisation(), 0);
  ASSERT_GE(result->intervals_size(), 1);
  EXPECT_EQ(result->intervals(0).begin(), 0);
  EXPECT_GE(result->intervals(0).end(), 3);
}

TEST(ProcessorLoadTest, NoOverlapIsAnError) {
  FakeLoad fake;
  auto load = ProcessorLoad::Start(fake.Options(1));
  ASSERT_TRUE(load.ok()) << load.status();
  (*load)->BeginPass();  // the clock stands still: no pass takes any time
  (*load)->EndPass();
  const auto result = (*load)->Finish();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("0 s of overlap"));
}

TEST(ProcessorLoadTest, AnAbandonedLoadStops) {
  FakeLoad fake;
  { ASSERT_TRUE(ProcessorLoad::Start(fake.Options(3)).ok()); }
  auto load = ProcessorLoad::Start(fake.Options(3));
  ASSERT_TRUE(load.ok());
  (*load)->BeginPass();
  load->reset();  // an error within a pass; the workers' threads would outlive `fake` otherwise
}

TEST(ProcessorLoadTest, RealProductsKeepAWorkerBusy) {
  const LoadOptions options = HalfOfThisMachine();
  EXPECT_GE(options.workers, 1);
  EXPECT_LE(options.workers, std::max(1, options.processors / 2));
  auto load = ProcessorLoad::Start(options);
  ASSERT_TRUE(load.ok()) << load.status();
  (*load)->BeginPass();
  Sleep(400);
  (*load)->EndPass();
  const auto result = (*load)->Finish();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(result->inference_seconds(), 0.4);
  EXPECT_GT(result->overlap_seconds(), 0.9 * result->inference_seconds());
  EXPECT_LE(result->overlap_seconds(), result->inference_seconds() * (1 + 1e-9));
  // The CPU time is a good part of what is asked for, even on a machine that is busy otherwise.
  EXPECT_GT(result->utilisation(), 0.02 * result->target_utilisation());
  EXPECT_LE(result->utilisation(), 1.05 * result->target_utilisation());
  EXPECT_GT(result->products(), 0);
  EXPECT_LE(result->intervals(0).begin(), 0);  // it ran before the first pass began
  EXPECT_LE(result->intervals_size(), 2048);
  EXPECT_THAT(DescribeLoad(options), HasSubstr("processors: matrix product 256 x 256 x 256"));
}

}  // namespace
}  // namespace forensics::runner
