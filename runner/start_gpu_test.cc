#include "runner/start_gpu.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

RankEnvironment Rank(int local_rank) {
  RankEnvironment ranks;
  ranks.rank = local_rank + 8;  // of the second machine
  ranks.world_size = 16;
  ranks.local_rank = local_rank;
  ranks.local_world_size = 8;
  return ranks;
}

TEST(StartGpuTest, RanksTakeOneGpuEach) {
  EXPECT_EQ(GpuIndex(0, {}, 8), 0);
  EXPECT_EQ(GpuIndex(3, {}, 8), 3);
  EXPECT_EQ(GpuIndex(0, Rank(5), 8), 5);
  EXPECT_EQ(GpuIndex(2, Rank(1), 8), 3);
  // Slurm may show each of its tasks a GPU of its own.
  EXPECT_EQ(GpuIndex(0, Rank(5), 1), 0);
}

TEST(StartGpuTest, TooFewGpusForTheRanks) {
  EXPECT_TRUE(CheckGpusForRanks(0, 4, 4).ok());
  EXPECT_TRUE(CheckGpusForRanks(4, 4, 8).ok());
  const absl::Status status = CheckGpusForRanks(0, 4, 2);
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(std::string(status.message()), "needs 4 GPUs, found 2");
  EXPECT_THAT(std::string(CheckGpusForRanks(2, 2, 3).message()), HasSubstr("from 2 on, found 3"));
}

TEST(StartGpuTest, ErrorsNameTheFlag) {
  if (CountGpus() > 0) GTEST_SKIP() << "there is a GPU";
  EXPECT_THAT(std::string(StartGpu(0, {}).status().message()), HasSubstr("--device=cuda: "));
}

}  // namespace
}  // namespace forensics::runner
