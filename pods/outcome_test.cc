#include "pods/outcome.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace forensics::pods {
namespace {

ChildExit Code(int code) {
  ChildExit exit;
  exit.code = code;
  return exit;
}

ChildExit Signal(int signal) {
  ChildExit exit;
  exit.signal = signal;
  return exit;
}

TEST(OutcomeTest, OfExitCodes) {
  EXPECT_EQ(OutcomeOf(Code(0), {}), Outcome::kDone);
  EXPECT_EQ(OutcomeOf(Code(1), {}), Outcome::kFailed);
  EXPECT_EQ(OutcomeOf(Code(2), {}), Outcome::kFailed);
  EXPECT_EQ(OutcomeOf(Code(3), {}), Outcome::kNotReproducible);
  EXPECT_EQ(OutcomeOf(Code(4), {}), Outcome::kIncomplete);
  EXPECT_EQ(OutcomeOf(Code(kExitTryAgain), {}), Outcome::kMayBeRetried);
}

TEST(OutcomeTest, ASignalAndAHangMayBeRetried) {
  EXPECT_EQ(OutcomeOf(Signal(SIGSEGV), {"whatever"}), Outcome::kMayBeRetried);
  ChildExit hung = Signal(SIGTERM);
  hung.timed_out = true;
  EXPECT_EQ(OutcomeOf(hung, {}), Outcome::kMayBeRetried);
}

TEST(OutcomeTest, TheUsersWishGoesBeforeAll) {
  ChildExit exit = Code(1);
  exit.interrupted = true;
  EXPECT_EQ(OutcomeOf(exit, {"No space left on device"}), Outcome::kInterrupted);
}

TEST(OutcomeTest, AFullDiskIsKnownByItsError) {
  for (const char* error : {"rep_0.shard: write: No space left on device",
                            "x: write: Disk quota exceeded", "x: write: File too large"}) {
    EXPECT_EQ(OutcomeOf(Code(1), {"loading", error, "stopped"}), Outcome::kDiskFull) << error;
    EXPECT_EQ(OutcomeOf(Code(4), {error}), Outcome::kDiskFull) << error;
  }
  // What was overcome is no failure.
  EXPECT_EQ(OutcomeOf(Code(0), {"No space left on device"}), Outcome::kDone);
}

TEST(OutcomeTest, NoMemoryIsKnownByItsError) {
  for (const char* error :
       {"CUDA out of memory: asked for 2 GiB", "Cannot allocate memory", "std::bad_alloc"}) {
    EXPECT_EQ(OutcomeOf(Code(1), {error}), Outcome::kOutOfMemory) << error;
  }
  EXPECT_EQ(OutcomeOf(Code(1), {"no such file: memory.txt"}), Outcome::kFailed);
}

TEST(ExitTextTest, SaysHowItEnded) {
  EXPECT_EQ(ExitText(Code(1)), "exit code 1");
  EXPECT_EQ(ExitText(Signal(SIGKILL)), "killed by signal 9 (Killed)");
  ChildExit hung = Signal(SIGTERM);
  hung.timed_out = true;
  hung.seconds = 60.2;
  EXPECT_EQ(ExitText(hung), "ended after 60 s without a result");
}

}  // namespace
}  // namespace forensics::pods
