// The reader holds the distinct vectors of a file and not its text.
#include <string>

#include "absl/status/statusor.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/testing/large_experiment.h"
#include "analyzer/testing/peak_memory.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(Memory, IsAFractionOfTheFileAndTextIsNotKept) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed";
#endif
  const std::string path = ::testing::TempDir() + "/large.json";
  LargeExperiment shape;
  shape.configurations = 4;
  const size_t size = WriteLargeExperiment(shape, path);
  ASSERT_GT(size, size_t{40} << 20);
  const size_t before = PeakBytes();
  const absl::StatusOr<Experiment> experiment = ReadExperiment(path);
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  ASSERT_EQ(experiment->runs.size(), 4u);
  // 32 distinct positions of five layers: 1.6 MB of float32 a run, of 12 MB of text.
  EXPECT_LT(PeakBytes() - before, size / 3);
}

}  // namespace
}  // namespace forensics::analyzer
