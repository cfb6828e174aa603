#include "runner/engine/paced_load.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;

// A device whose clock goes on only by what runs on it: bursts of `burst` seconds, rests that last
// `late` seconds longer than asked for.
class FakeDevice : public LoadDevice {
 public:
  struct Script {
    double burst = 0.25;
    double late = 0;
    int fails_at = -1;  // which burst throws
    std::atomic<double> now{100};
    std::atomic<int> bursts{0};
    std::atomic<bool> failed{false};
    std::atomic<bool> alive{true};
  };
  explicit FakeDevice(Script& script) : script_(script) {}
  ~FakeDevice() override { script_.alive = false; }

  void PrepareWorker() override {}
  Interval RunBurst() override {
    if (script_.bursts == script_.fails_at) {
      script_.failed = true;
      throw std::runtime_error("the device is lost");
    }
    const double begin = script_.now;
    script_.now = begin + script_.burst;
    ++script_.bursts;
    std::this_thread::sleep_for(std::chrono::microseconds(100));
    return {begin, script_.now};
  }
  void Rest(double seconds) override { script_.now = script_.now + seconds + script_.late; }
  void Mark() override { marks_.push_back(script_.now); }
  std::vector<double> Marks() override { return marks_; }

 private:
  Script& script_;
  std::vector<double> marks_;
};

absl::StatusOr<std::unique_ptr<BackgroundLoad>> StartOn(FakeDevice::Script& script) {
  PacedLoadOptions options;
  options.kernel = "fake";
  options.target_utilisation = 0.5;
  options.products_per_burst = 4;
  options.device = std::make_unique<FakeDevice>(script);
  return PacedLoad::Start(std::move(options));
}

void WaitForBursts(const FakeDevice::Script& script, int more) {
  const int until = script.bursts + more;
  while (script.bursts < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(PacedLoadTest, RestsMakeUpForEarlierOnes) {
  EXPECT_DOUBLE_EQ(RestAfter(1, 1, 0.5), 1);
  EXPECT_DOUBLE_EQ(RestAfter(2, 3.25, 0.5), 0.75);  // the rest before was 0.25 too long
  EXPECT_DOUBLE_EQ(RestAfter(1, 1, 0.25), 3);
  EXPECT_DOUBLE_EQ(RestAfter(1, 2.5, 0.5), 0);  // too late already
}

TEST(PacedLoadTest, Coverage) {
  const std::vector<Interval> intervals = {{0, 1}, {2, 3}, {4, 5}};
  EXPECT_DOUBLE_EQ(CoverageOf(intervals, 0.5, 4.25).seconds, 1.75);
  EXPECT_EQ(CoverageOf(intervals, 0.5, 4.25).intervals, 3);
  EXPECT_EQ(CoverageOf(intervals, 3, 4).intervals, 0);
  EXPECT_EQ(CoverageOf({}, 0, 9).seconds, 0);
}

TEST(PacedLoadTest, HalfOfTheTimeIsBusyHoweverLateRestsEnd) {
  for (const double late : {0.0, 0.1}) {
    FakeDevice::Script script;
    script.late = late;
    auto load = StartOn(script);
    ASSERT_TRUE(load.ok()) << load.status();
    (*load)->BeginPass();
    WaitForBursts(script, 100);
    (*load)->EndPass();
    const auto result = (*load)->Finish();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->kernel(), "fake");
    EXPECT_EQ(result->workers(), 1);
    EXPECT_EQ(result->target_utilisation(), 0.5);
    EXPECT_THAT(result->utilisation(), DoubleNear(0.5, 0.02)) << late;
    EXPECT_THAT(result->overlap_seconds() / result->inference_seconds(), DoubleNear(0.5, 0.02));
    EXPECT_GE(result->products(), 4 * 99);
    EXPECT_GE(result->intervals_size(), 1);
    EXPECT_LE(result->intervals_size(), static_cast<int>(BusyIntervals::kMost));
  }
}

TEST(PacedLoadTest, NoOverlapIsAnError) {
  FakeDevice::Script script;
  script.burst = 0;  // bursts that take no time: the clock stands still
  auto load = StartOn(script);
  ASSERT_TRUE(load.ok()) << load.status();
  (*load)->BeginPass();
  (*load)->EndPass();
  EXPECT_THAT(std::string((*load)->Finish().status().message()),
              HasSubstr("did not run beside inference"));
}

TEST(PacedLoadTest, WithoutAPassThereIsNoOverlapEither) {
  FakeDevice::Script script;
  auto load = StartOn(script);
  ASSERT_TRUE(load.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition((*load)->Finish().status()));
}

TEST(PacedLoadTest, ErrorsOfTheDevice) {
  FakeDevice::Script at_once;
  at_once.fails_at = 0;
  EXPECT_EQ(std::string(StartOn(at_once).status().message()),
            "background load: the device is lost");
  EXPECT_FALSE(at_once.alive);

  FakeDevice::Script later;
  later.fails_at = 3;
  auto load = StartOn(later);
  ASSERT_TRUE(load.ok());
  (*load)->BeginPass();
  while (!later.failed) std::this_thread::yield();
  (*load)->EndPass();
  EXPECT_THAT(std::string((*load)->Finish().status().message()), HasSubstr("the device is lost"));
}

TEST(PacedLoadTest, AnAbandonedLoadStops) {
  FakeDevice::Script script;
  {
    auto load = StartOn(script);
    ASSERT_TRUE(load.ok());
    (*load)->BeginPass();
  }
  EXPECT_FALSE(script.alive);
}

}  // namespace
}  // namespace forensics::runner
