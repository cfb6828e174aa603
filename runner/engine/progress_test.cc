#include "runner/engine/progress.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressTest, PlainLinesElsewhereThanOnATerminal) {
  std::ostringstream out;
  double now = 100;
  Progress progress(out, false, [&] { return now; });
  progress.Begin("decode", 40, "tokens", 60);
  for (int i = 1; i <= 30; ++i) {
    now += 1;
    progress.Done(i);
  }
  progress.Note("a note");
  progress.End();
  EXPECT_EQ(out.str(),
            "decode  0/40 tokens  0:00 elapsed, about 1:00 left after this\n"
            "decode  10/40 tokens  1 tokens/s  0:10 elapsed, 1:30 left\n"
            "decode  20/40 tokens  1 tokens/s  0:20 elapsed, 1:20 left\n"
            "decode  30/40 tokens  1 tokens/s  0:30 elapsed, 1:10 left\n"
            "a note\n"
            "decode  40/40 tokens  1.333 tokens/s  0:30 elapsed, about 1:00 left after this\n");
}

TEST(ProgressTest, ABarThatRedrawsItselfOnATerminal) {
  std::ostringstream out;
  double now = 0;
  Progress progress(out, true, [&] { return now; });
  progress.Begin("decode", 2, "tokens");
  now = 1;
  progress.Done(1);
  progress.End();
  EXPECT_THAT(out.str(), HasSubstr("\r\033[Kdecode  [############............]  1/2 tokens"));
  EXPECT_THAT(out.str(), HasSubstr("0:01 left"));
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(ProgressTest, AnAbandonedStageIsNotDone) {
  std::ostringstream out;
  Progress progress(out, false, [] { return 0.0; });
  progress.Begin("decode", 9, "tokens");
  progress.Done(4);
  progress.Abandon();
  progress.End();  // of nothing
  EXPECT_EQ(out.str(),
            "decode  0/9 tokens  0:00 elapsed\ndecode  4/9 tokens  0:00 elapsed, 0:00 left\n");
}

TEST(ProgressTest, WithoutATotalThereIsNoBar) {
  std::ostringstream out;
  Progress progress(out, true, [] { return 0.0; });
  progress.Begin("reading", 0, "");
  progress.End();
  EXPECT_THAT(out.str(), Not(HasSubstr("[#")));
  EXPECT_THAT(out.str(), Not(HasSubstr("/0")));
}

TEST(ProgressTest, Clock) {
  EXPECT_EQ(ClockText(-1), "0:00");
  EXPECT_EQ(ClockText(65.4), "1:05");
  EXPECT_EQ(ClockText(7439), "2:03:59");
}

}  // namespace
}  // namespace forensics::runner
