#include "analyzer/attribution/leave_one_out.h"

#include <string>
#include <vector>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;

// Runs on hardware X and Y: value "far" is far from "near", hardware hardly moves anything.
class LeaveEachOutTest : public ::testing::Test {
 protected:
  void Add(const std::string& value, const std::string& hardware, float offset) {
    AddRun(experiment_, hardware + value, hardware, value, offset);
    labels_.push_back({value, hardware});
  }

  LeaveOneOut LeaveOut() {
    std::vector<ComparedRun> runs;
    for (size_t i = 0; i < experiment_.runs.size(); ++i) {
      runs.push_back({&experiment_.configurations[i], &experiment_.runs[i]});
    }
    return LeaveEachOut(runs, labels_);
  }

  Experiment experiment_ = MakeExperiment("quantization", "quant_method");
  std::vector<Labels> labels_;
};

TEST_F(LeaveEachOutTest, FindsTheValueFromOtherHardware) {
  Add("near", "X", 0);
  Add("far", "X", 100);
  Add("near", "Y", 1);
  Add("far", "Y", 101.5f);
  const ConfusionMatrix by_value = LeaveOut().by_value;
  EXPECT_THAT(by_value.labels, ElementsAre("near", "far"));
  EXPECT_THAT(by_value.answers(), ElementsAre("near", "far", "none of these", "undecided"));
  EXPECT_THAT(by_value.matrix, ElementsAre(ElementsAre(2, 0, 0, 0), ElementsAre(0, 2, 0, 0)));
  EXPECT_THAT(by_value.absent, ElementsAre(0, 0, 4, 0));
  EXPECT_EQ(by_value.present_rate.asked, 4);
  EXPECT_EQ(by_value.present_rate.right, 4);
  EXPECT_EQ(by_value.absent_rate.right, 4);
  EXPECT_GT(*by_value.mean_confidence(), 0.6);
  EXPECT_LT(*by_value.mean_confidence(), 0.999);
}

TEST_F(LeaveEachOutTest, AsksForHardwareFromOtherValues) {
  Add("near", "X", 0);
  Add("near", "Y", 50);
  Add("far", "X", 1);
  Add("far", "Y", 51.5f);
  const ConfusionMatrix by_hardware = LeaveOut().by_hardware;
  EXPECT_THAT(by_hardware.labels, ElementsAre("X", "Y"));
  EXPECT_THAT(by_hardware.matrix, ElementsAre(ElementsAre(2, 0, 0, 0), ElementsAre(0, 2, 0, 0)));
}

TEST_F(LeaveEachOutTest, ValuesThatNoBitTellsApartAreOneLabel) {
  Add("single", "X", 0);
  Add("concurrent", "X", 0);
  Add("far", "X", 100);
  Add("single", "Y", 1);
  Add("concurrent", "Y", 1);
  Add("far", "Y", 102);
  const ConfusionMatrix by_value = LeaveOut().by_value;
  EXPECT_THAT(by_value.labels, ElementsAre("single, concurrent", "far"));
  EXPECT_THAT(by_value.matrix, ElementsAre(ElementsAre(4, 0, 0, 0), ElementsAre(0, 2, 0, 0)));
}

// Seen from X, where no bit tells 1 and 2 apart, those of Y may be either.
TEST_F(LeaveEachOutTest, ValuesThatOneHardwareTellsApartAreUnsureFromTheOther) {
  Add("1", "X", 0);
  Add("2", "X", 0);
  Add("far", "X", 100);
  Add("1", "Y", 1);
  Add("2", "Y", 1.25f);
  Add("far", "Y", 102);
  const ConfusionMatrix by_value = LeaveOut().by_value;
  EXPECT_THAT(by_value.labels, ElementsAre("1", "2", "far"));
  EXPECT_EQ(by_value.matrix[0][2] + by_value.matrix[1][2], 0) << "far";
  EXPECT_EQ(by_value.matrix[2][2], 2);
  EXPECT_LT(*by_value.mean_confidence(), 0.8);
}

TEST_F(LeaveEachOutTest, HardwareThatNoBitTellsApartStillShowsTheValue) {
  Add("near", "X", 0);
  Add("far", "X", 100);
  Add("near", "Y", 0);
  Add("far", "Y", 100);
  const LeaveOneOut left_out = LeaveOut();
  EXPECT_THAT(left_out.by_value.matrix,
              ElementsAre(ElementsAre(2, 0, 0, 0), ElementsAre(0, 2, 0, 0)));
  EXPECT_EQ(left_out.by_value.absent_rate.right, 4);
  EXPECT_THAT(left_out.by_hardware.labels, ElementsAre("X, Y"));
}

// One hardware for the question of values: else the three would count as three.
TEST_F(LeaveEachOutTest, HardwareThatNoBitTellsApartIsOne) {
  for (const char* hardware : {"X", "Y", "Z"}) {
    const float offset = hardware[0] == 'Z' ? 1 : 0;
    Add("near", hardware, offset);
    Add("far", hardware, 100 + 2 * offset);
  }
  const LeaveOneOut left_out = LeaveOut();
  EXPECT_THAT(left_out.by_hardware.labels, ElementsAre("X, Y", "Z"));
  EXPECT_EQ(left_out.by_value.present_rate.asked, 6);
  EXPECT_EQ(left_out.by_value.present_rate.right, 6);
}

TEST_F(LeaveEachOutTest, OneHardwareLeavesNothingToAsk) {
  Add("near", "X", 0);
  Add("far", "X", 100);
  const LeaveOneOut left_out = LeaveOut();
  EXPECT_EQ(left_out.by_value.present_rate.asked, 0);
  EXPECT_EQ(left_out.by_value.absent_rate.asked, 0);
  EXPECT_FALSE(left_out.by_value.mean_confidence().has_value());
}

TEST_F(LeaveEachOutTest, NoRunsAreNoError) { EXPECT_EQ(LeaveOut().by_value.labels.size(), 0u); }

// Of the reference values 0.0433 and 0.7772 (Clopper & Pearson: quantiles of the beta
// distribution).
TEST(HitRate, HasItsClopperPearsonInterval) {
  const HitRate rate{6, 2};
  EXPECT_DOUBLE_EQ(*rate.rate(), 2.0 / 6);
  EXPECT_NEAR(rate.interval(0.95)->low, 0.04327187, 1e-8);
  EXPECT_NEAR(rate.interval(0.95)->high, 0.77722190, 1e-8);
  // None right: 1 - (0.025)^(1/n) is the upper end.
  EXPECT_EQ((HitRate{5, 0}.interval(0.95)->low), 0);
  EXPECT_NEAR((HitRate{5, 0}.interval(0.95)->high), 0.52182375, 1e-8);
  EXPECT_EQ((HitRate{5, 5}.interval(0.95)->high), 1);
  EXPECT_FALSE(HitRate().rate().has_value());
  EXPECT_FALSE(HitRate().interval(0.95).has_value());
}

// 3 of 10: 0.0667 to 0.6525.
TEST(ConfusionMatrix, SaysWhereItsConfidenceIsContradicted) {
  ConfusionMatrix confusion;
  EXPECT_EQ(confusion.Caveat(0.95), "") << "nothing was asked";
  confusion.present_rate = {10, 3};
  for (const double agreeing : {0.07, 0.3, 0.65}) {
    confusion.confidence_sum = 10 * agreeing;
    EXPECT_EQ(confusion.Caveat(0.95), "") << agreeing;
  }
  confusion.confidence_sum = 9;
  EXPECT_EQ(
      confusion.Caveat(0.95),
      "the library's own runs are told apart less often than is stated: 3 of 10 right (95 % "
      "interval 0.07 to 0.65) with a mean confidence of 0.90, so probabilities are rather too "
      "large");
  confusion.confidence_sum = 0.5;
  EXPECT_THAT(confusion.Caveat(0.95), testing::HasSubstr("told apart more often than is stated"));
}

}  // namespace
}  // namespace forensics::analyzer
