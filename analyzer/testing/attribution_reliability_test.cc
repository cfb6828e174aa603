// What attribution says with a probability is right about as often as that, in either question, in
// libraries of few and of many setups and hardware. Of the unknown runs half are of what is asked
// for and known, and of those that are not half are on hardware (of a setup) that is known.
// docs/numerics.md has the same of more trials.
#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/testing/attribution_trials.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr uint64_t kSeed = 30000000;
constexpr double kEffects[] = {0.1, 0.3, 1, 2, 5, 30};
// Of a bin to be found too sure or too modest by chance alone; a few hundred are looked at.
constexpr double kFalseAlarm = 1e-5;

struct Library {
  int values;
  int hardware;
};

constexpr Library kLibraries[] = {{2, 2}, {5, 2}, {5, 3}, {10, 5}, {2, 20}};

Reliability SaidOf(const Library& library, bool ask_hardware, double spread, int trials) {
  TrialShape shape;
  shape.values = library.values;
  shape.hardware = library.hardware;
  shape.sizes.spread = spread;
  shape.ask_hardware = ask_hardware;
  Reliability said;
  uint64_t seed = kSeed;
  for (const double effect : kEffects) {
    shape.sizes.value = effect;
    said.Add(RunTrials(shape, seed, trials).answers);
    seed += static_cast<uint64_t>(trials);
  }
  return said;
}

// In each bin, `sure` more and `modest` less may be said than is right.
void ExpectCalibrated(const Reliability& said, double sure, double modest) {
  for (const ReliabilityBin& bin : said.bins()) {
    if (bin.n() == 0) continue;
    EXPECT_GE(bin.TooSureProbability(sure), kFalseAlarm)
        << "said " << bin.mean_stated() << ", right in " << bin.right << " of " << bin.n();
    EXPECT_GE(bin.TooModestProbability(modest), kFalseAlarm)
        << "said " << bin.mean_stated() << ", right in " << bin.right << " of " << bin.n();
  }
}

class AttributionReliabilityTest : public ::testing::TestWithParam<bool> {};

TEST_P(AttributionReliabilityTest, SaysWhatIsRight) {
  Reliability all;
  for (const Library& library : kLibraries) {
    SCOPED_TRACE(absl::StrCat(library.values, " setups on ", library.hardware, " hardware"));
    const Reliability said = SaidOf(library, GetParam(), 0.3, 100);
    ExpectCalibrated(said, 0.07, 0.15);
    all.Add(said);
  }
  ExpectCalibrated(all, 0.07, 0.12);
  EXPECT_LT(all.CalibrationError(), 0.08);
  EXPECT_GT(all.share_right(), 0.7);
}

// Of effects that differ twice as much from one another as the model was made for.
TEST_P(AttributionReliabilityTest, StaysNearWhereEffectsDifferMore) {
  Reliability all;
  for (const Library& library : kLibraries) all.Add(SaidOf(library, GetParam(), 0.6, 50));
  ExpectCalibrated(all, 0.1, 0.1);
}

INSTANTIATE_TEST_SUITE_P(Questions, AttributionReliabilityTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Hardware" : "Setup"; });

// What the effects allow to tell is told.
TEST(AttributionTrials, PlainCasesAreRight) {
  for (const bool ask_hardware : {false, true}) {
    TrialShape shape;
    shape.ask_hardware = ask_hardware;
    shape.sizes.value = ask_hardware ? 0.1 : 30;
    EXPECT_GT(RunTrials(shape, kSeed, 200).share_right(), 0.9) << ask_hardware;
  }
}

// The measure itself: what is too sure is found, what is right is not.
TEST(Reliability, FindsWhatIsTooSure) {
  Reliability too_sure, honest;
  for (int i = 0; i < 100; ++i) {
    too_sure.Add(0.97, i % 5 != 0);
    honest.Add(0.8, i % 5 != 0);
  }
  EXPECT_LT(too_sure.LeastTooSureProbability(), kFalseAlarm);
  const ReliabilityBin& bin = honest.bins()[8 - 1];
  ASSERT_EQ(bin.n(), 100);
  EXPECT_LT(bin.TooSureProbability(-0.15), kFalseAlarm);
  EXPECT_GT(bin.TooModestProbability(0), 0.3);
  EXPECT_LT(bin.TooModestProbability(-0.25), kFalseAlarm);
  EXPECT_GT(honest.LeastTooSureProbability(), 0.3);
  EXPECT_NEAR(too_sure.CalibrationError(), 0.17, 1e-9);
  EXPECT_NEAR(honest.CalibrationError(), 0, 1e-9);
}

}  // namespace
}  // namespace forensics::analyzer
