// A whole analysis holds the distinct vectors of one large file, not its text.
#include <sstream>
#include <string>

#include "analyzer/compare.h"
#include "analyzer/testing/large_experiment.h"
#include "analyzer/testing/peak_memory.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

void ExpectMemory(const std::string& name, const LargeExperiment& shape, double most_of_file) {
  const std::string path = ::testing::TempDir() + "/" + name + "_experiment.json";
  const size_t size = WriteLargeExperiment(shape, path);
  ASSERT_GT(size, size_t{60} << 20);
  if (!ResetPeak()) GTEST_SKIP() << "the peak of memory cannot be set back here";
  const size_t before = PeakBytes();
  CompareOptions options;
  options.inputs = {path};
  options.output = ::testing::TempDir() + "/" + name;
  std::ostringstream out, log;
  const absl::StatusOr<CompareOutcome> outcome = Compare(options, out, log);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->analysed, 1);
  const double share = static_cast<double>(PeakBytes() - before) / static_cast<double>(size);
  EXPECT_LT(share, most_of_file) << name;
}

// 100 configurations of 13 MB may need 1 GiB: 0.8 of their text. Pieces that are read at the same
// time and the reports weigh more in a file that is a twentieth of that.
TEST(CompareMemory, IsAFractionOfTheFile) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed";
#endif
  LargeExperiment shape;
  shape.configurations = 3;
  shape.hardware = 2;
  ExpectMemory("repeating", shape, 0.5);
  shape.repeat_windows = false;
  ExpectMemory("without_repeats", shape, 0.7);
  shape.configurations = 1;
  shape.repetitions = shape.stored = 3;
  ExpectMemory("three_stored", shape, 0.5);
}

// Of repetitions that all differ the second and third keep one signal of ten.
TEST(CompareMemory, DoesNotGrowByRepetitionsThatDiffer) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed";
#endif
  LargeExperiment shape;
  shape.configurations = 4;
  shape.hardware = 2;
  shape.repeat_windows = false;
  shape.repetitions = shape.stored = 3;
  shape.identical_repetitions = false;
  ExpectMemory("three_that_differ", shape, 0.35);
}

}  // namespace
}  // namespace forensics::analyzer
