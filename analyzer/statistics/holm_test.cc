#include "analyzer/statistics/holm.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Holm, TheSmallestCountsAsOftenAsThereAreTests) {
  EXPECT_THAT(HolmAdjusted({0.03, 0.01, 0.04}),
              ElementsAre(DoubleEq(0.06), DoubleEq(0.03), DoubleEq(0.06)));
}

TEST(Holm, NoneIsSmallerThanOneBeforeItAndNoneAboveOne) {
  EXPECT_THAT(HolmAdjusted({0.02, 0.0201, 0.9, 0.8}),
              ElementsAre(DoubleEq(0.08), DoubleEq(0.08), DoubleEq(1), DoubleEq(1)));
}

TEST(Holm, OneTestIsLeftAsItIs) {
  EXPECT_THAT(HolmAdjusted({0.2}), ElementsAre(0.2));
  EXPECT_THAT(HolmAdjusted({}), IsEmpty());
}

}  // namespace
}  // namespace forensics::analyzer
