#include "pods/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "pods/log_tail.h"

namespace forensics::pods {
namespace {

ChildOptions Shell(const std::string& script) {
  ChildOptions options;
  options.command = {"/bin/sh", "-c", script};
  options.log = testing::TempDir() + "/child.log";
  unlink(options.log.c_str());
  return options;
}

TEST(RunChildTest, SaysHowItEnded) {
  SignalGuard signals;
  const auto exit = RunChild(Shell("echo said; exit 4"), signals);
  ASSERT_TRUE(exit.ok()) << exit.status();
  EXPECT_EQ(exit->code, 4);
  EXPECT_FALSE(exit->interrupted);
  EXPECT_EQ(LastLines(testing::TempDir() + "/child.log", 5), std::vector<std::string>{"said"});
}

TEST(RunChildTest, APipeInTheLogsPlaceIsRefusedAndNotWaitedFor) {
  SignalGuard signals;
  ChildOptions options = Shell("echo said");
  ASSERT_EQ(mkfifo(options.log.c_str(), 0600), 0);
  EXPECT_EQ(RunChild(options, signals).status().message(), options.log + ": is no regular file");
}

// One that ignores both would keep the user waiting for ever.
TEST(RunChildTest, AChildThatIgnoresAnInterruptionIsKilled) {
  for (const int signal : {SIGINT, SIGTERM}) {
    SignalGuard signals;
    ChildOptions options = Shell("trap '' INT TERM; echo ready; while :; do sleep 1; done");
    options.grace_seconds = 0.1;
    options.each_second = [&options, signal, sent = false](double) mutable {
      if (sent || LastLines(options.log, 1).empty()) return;
      sent = true;
      kill(getpid(), signal);
    };
    const auto exit = RunChild(options, signals);
    ASSERT_TRUE(exit.ok()) << exit.status();
    EXPECT_TRUE(exit->interrupted);
    EXPECT_EQ(exit->signal, SIGKILL);
    EXPECT_TRUE(signals.WasInterrupted());
  }
}

}  // namespace
}  // namespace forensics::pods
