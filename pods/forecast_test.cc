#include "pods/forecast.h"

#include <gtest/gtest.h>

namespace forensics::pods {
namespace {

TEST(SecondsLeftTest, BeforeAnythingIsThePlans) {
  EXPECT_EQ(SecondsLeft({{Progress::kLeft, 60, 0}, {Progress::kLeft, 120, 0}}), 180);
  EXPECT_EQ(SecondsLeft({}), 0);
}

TEST(SecondsLeftTest, FinishedStepsScaleThePlansEstimates) {
  EXPECT_EQ(SecondsLeft({{Progress::kDone, 60, 120}, {Progress::kLeft, 100, 0}}), 200);
  EXPECT_EQ(SecondsLeft(
                {{Progress::kDone, 60, 30}, {Progress::kDone, 60, 30}, {Progress::kLeft, 100, 0}}),
            50);
}

TEST(SecondsLeftTest, AStepWithoutEstimateTakesTheAverage) {
  EXPECT_EQ(
      SecondsLeft({{Progress::kDone, 0, 10}, {Progress::kDone, 0, 30}, {Progress::kLeft, 0, 0}}),
      20);
  // Nothing is known.
  EXPECT_EQ(SecondsLeft({{Progress::kLeft, 0, 0}}), 0);
}

TEST(SecondsLeftTest, OfARunningStepTheRest) {
  EXPECT_EQ(SecondsLeft({{Progress::kRunning, 60, 45}}), 15);
  EXPECT_EQ(SecondsLeft({{Progress::kRunning, 60, 75}}), 0);
}

TEST(SecondsLeftTest, WhatIsDoneInNoKnownTimeOrFailedDoesNotCount) {
  EXPECT_EQ(SecondsLeft(
                {{Progress::kDone, 60, 0}, {Progress::kFailed, 60, 10}, {Progress::kLeft, 30, 0}}),
            30);
}

TEST(ClockTextTest, IsShort) {
  EXPECT_EQ(ClockText(0), "0:00");
  EXPECT_EQ(ClockText(65.4), "1:05");
  EXPECT_EQ(ClockText(59.6), "1:00");
  EXPECT_EQ(ClockText(7439), "2:03:59");
  EXPECT_EQ(ClockText(-1800), "0:00");
}

TEST(CostTextTest, IsShownOnlyWhereThereIsAPrice) {
  EXPECT_EQ(CostText(1800, 1.70, "USD"), "0.85 USD");
  EXPECT_EQ(CostText(1800, 0, "USD"), "");
}

}  // namespace
}  // namespace forensics::pods
