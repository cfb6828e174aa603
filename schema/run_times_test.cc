#include "schema/run_times.h"

#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

TEST(RunTimesTest, MeanAndSampleVariance) {
  EXPECT_EQ(MeanAndVariance({}).mean_seconds, 0);
  EXPECT_EQ(MeanAndVariance({7}).variance, 0);
  EXPECT_DOUBLE_EQ(MeanAndVariance({3, 4, 5}).mean_seconds, 4);
  EXPECT_DOUBLE_EQ(MeanAndVariance({3, 4, 5}).variance, 1);
  EXPECT_DOUBLE_EQ(MeanAndVariance({1, 2}).variance, 0.5);
}

}  // namespace
}  // namespace forensics::schema
