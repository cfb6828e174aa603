#include "pods/display.h"

#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"

namespace forensics::pods {
namespace {

TEST(FitToTerminalTest, EachLineIsOneRow) {
  EXPECT_EQ(FitToTerminal("short\na line that is longer\n", {10, 10}), "short\na line th\n");
  EXPECT_EQ(FitToTerminal("", {10, 10}), "");
}

TEST(FitToTerminalTest, ACharacterOfSeveralBytesIsOneColumnAndStaysWhole) {
  EXPECT_EQ(FitToTerminal("äöüß€xyz\n", {6, 10}), "äöüß€\n");
}

TEST(TableTextTest, ARemarkThatIsTooLongEndsWithAWholeCharacter) {
  std::string euros;
  for (int i = 0; i < 60; ++i) euros += "€";
  StepView step;
  step.id = "exp0";
  step.remark = "x" + euros;
  const std::string text = TableText({step});
  EXPECT_EQ(text.substr(text.find('x', 14)), "x" + euros.substr(3) + "\n") << text;
}

TEST(FitToTerminalTest, WhatMovesTheCursorIsLeftOut) {
  EXPECT_EQ(FitToTerminal("a\tb\x1b[2Jc\r\n", {40, 10}), "a b [2Jc \n");
}

TEST(FitToTerminalTest, OfATableThatIsTooLongTheEndStays) {
  EXPECT_EQ(FitToTerminal("one\ntwo\nthree\nfour\n", {10, 3}), "three\nfour\n");
}

TEST(FitToTerminalTest, ATerminalOfUnknownSizeHasTheUsualOne) {
  EXPECT_EQ(FitToTerminal(absl::StrCat(std::string(100, 'x'), "\n"), {0, 0}),
            absl::StrCat(std::string(79, 'x'), "\n"));
}

TEST(DisplayTest, WithoutATerminalLinesAppearAloneAndInTheLogWithTheirTimes) {
  const std::string log = testing::TempDir() + "/display/forensics.log";
  std::ostringstream out;
  Display display(out, kNoTerminal, log);
  display.Draw("table\n");
  display.Note("one\ntwo");
  EXPECT_EQ(out.str(), "one\ntwo\n");
  const std::string text = schema::ReadFile(log).value_or("");
  EXPECT_NE(text.find("  one\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  two\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace forensics::pods
