#include "pods/log_tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"

namespace forensics::pods {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogTailTest : public testing::Test {
 protected:
  void Write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  const std::string path_ = testing::TempDir() + "/log";
};

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) absl::StrAppend(&all, text);
  return all;
}

TEST_F(LogTailTest, TheLastLinesFromAByteOn) {
  Write("one\ntwo\n\n  \nthree");
  EXPECT_THAT(LastLines(path_, 2), ElementsAre("two", "three"));
  EXPECT_THAT(LastLines(path_, 9, 4), ElementsAre("two", "three"));
  EXPECT_THAT(LastLines(path_, 9, 100), IsEmpty());
  EXPECT_THAT(LastLines(path_ + ".none", 9), IsEmpty());
}

TEST_F(LogTailTest, WhatIsDrawnOverIsOneLine) {
  Write("said\r\nbar 10%\rbar 90%\r\nError\rbar 1%\r bar 2%");
  EXPECT_THAT(LastLines(path_, 9), ElementsAre("said", "bar 90%", " bar 2%"));
}

TEST_F(LogTailTest, WhatMovesTheCursorIsLeftOut) {
  Write("one\x1b[2J\ttwo\n");
  EXPECT_THAT(LastLines(path_, 9), ElementsAre("one [2J two"));
}

// Megabytes of a bar after the reason, and of lines of progress.
TEST_F(LogTailTest, ABarDoesNotPushTheReasonOut) {
  const std::string bar = "weights  [=====>    ]  51 %\r";
  const std::string progress = "decode  3/99 tokens  1:00:00 elapsed, 0:09 left\n";
  for (const std::string& noise : {Repeated(bar, 100'000), Repeated(progress, 40'000),
                                   Repeated(progress, 40'000) + Repeated(bar, 100'000)}) {
    Write(absl::StrCat("before\nout of memory\n", noise));
    std::vector<std::string> lines = LastLines(path_, 3, 0, IsProgress);
    lines.resize(2);  // and the bar, as it was at last
    EXPECT_THAT(lines, ElementsAre("before", "out of memory"));
  }
}

// Wherever the first block that is read begins, no line is cut.
TEST_F(LogTailTest, LinesAreWhole) {
  const std::string line = "exactly this, and all of it";
  const std::string text = Repeated(line + "\n", 10'000);
  for (size_t more = 0; more <= line.size(); ++more) {
    Write(text + std::string(more, 'x') + "\n");
    EXPECT_THAT(LastLines(path_, 2500), testing::Contains(line).Times(more == 0 ? 2500 : 2499));
  }
}

TEST_F(LogTailTest, ProgressIsWhatTheRunnerDraws) {
  EXPECT_TRUE(IsProgress("prefill  3/9 tokens  12.5 tokens/s  1:05 elapsed, 0:10 left"));
  EXPECT_TRUE(IsProgress("loading  0:03 elapsed"));
  EXPECT_FALSE(IsProgress("not run: tp4: needs 4 GPUs, 30 s elapsed"));
  EXPECT_FALSE(IsProgress("1:05 elapsed"));
  EXPECT_FALSE(IsProgress("out of memory"));
}

}  // namespace
}  // namespace forensics::pods
