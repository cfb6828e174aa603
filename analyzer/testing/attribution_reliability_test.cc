// Attribution says nothing with a probability that is significantly more than how often it is
// right, in either question, however large a setup's effect is beside the hardware's, and with few
// or many known hardware. Half of the unknown runs are of nothing in the library. docs/numerics.md
// has the same of more trials.
#include <string>
#include <tuple>

#include "analyzer/testing/attribution_trials.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr uint64_t kSeed = 30000000;
// Of a bin to be found too sure by chance alone; a thousand bins are looked at.
constexpr double kFalseAlarm = 1e-5;

struct Library {
  int values;
  int hardware;
  int trials;
};

void ExpectModest(const Reliability& reliability, const std::string& what) {
  for (const ReliabilityBin& bin : reliability.bins()) {
    EXPECT_GE(bin.TooSureProbability(), kFalseAlarm)
        << what << " stated as " << bin.mean_stated() << ", right in " << bin.right << " of "
        << bin.n();
  }
}

// Library, effect of a setup beside that of a hardware, question.
class AttributionReliabilityTest
    : public ::testing::TestWithParam<std::tuple<Library, double, bool>> {};

TEST_P(AttributionReliabilityTest, StatesNoMoreThanIsRight) {
  const auto& [library, effect, ask_hardware] = GetParam();
  TrialShape shape;
  shape.values = library.values;
  shape.hardware = library.hardware;
  shape.sizes.value = effect;
  shape.ask_hardware = ask_hardware;
  const TrialSummary summary = RunTrials(shape, kSeed, library.trials);
  ExpectModest(summary.answers, "answers");
  ExpectModest(summary.membership, "in the library or not");
  EXPECT_GT(summary.answers.mean_stated(), summary.share_right() - 0.4) << "too modest";
  // What the effects allow to tell is told.
  const bool is_plain = ask_hardware ? effect < 0.5 : effect > 5;
  EXPECT_GT(summary.share_right(), is_plain ? 0.85 : 0.4);
}

INSTANTIATE_TEST_SUITE_P(Regimes, AttributionReliabilityTest,
                         ::testing::Combine(::testing::Values(Library{2, 2, 300},
                                                              Library{5, 3, 300},
                                                              Library{2, 20, 150}),
                                            ::testing::Values(0.1, 1.0, 3.0, 30.0),
                                            ::testing::Bool()));

// The measure itself: what is too sure is found, what is right is not.
TEST(Reliability, FindsWhatIsTooSure) {
  Reliability too_sure, honest;
  for (int i = 0; i < 100; ++i) {
    too_sure.Add(0.97, i % 5 != 0);
    honest.Add(0.8, i % 5 != 0);
  }
  EXPECT_LT(too_sure.LeastTooSureProbability(), kFalseAlarm);
  EXPECT_GT(honest.LeastTooSureProbability(), 0.3);
  EXPECT_NEAR(too_sure.CalibrationError(), 0.17, 1e-9);
  EXPECT_NEAR(honest.CalibrationError(), 0, 1e-9);
}

}  // namespace
}  // namespace forensics::analyzer
