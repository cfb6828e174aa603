#include "runner/engine/emulation_memory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/engine/testing/full_size_model.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;

TEST(EmulationMemory, OfAFullSizeModelIsThatOfWhatIsNotItsLinearWeights) {
  const EmulationMemoryNeed need = EstimateEmulationMemory(FullSizeModel(), {1, 6000, 6029});
  // Embedding and head apart; routers, norms of hidden states and of heads; the last norm.
  EXPECT_EQ(need.kept,
            2 * (2 * int64_t{151936} * 2048 + 48 * (128 * 2048 + 2 * 2048 + 2 * 128) + 2048));
  EXPECT_EQ(need.cache, 2 * 2 * 48 * 512 * int64_t{6029});
  EXPECT_LT(need.Total(), 4 * kGib) << "30 billion weights would be 61 GB in two bytes each";
}

TEST(EmulationMemory, GrowsWithWhatIsComputedAtOnce) {
  const EmulationMemoryNeed one = EstimateEmulationMemory(FullSizeModel(), {1, 6000, 6029});
  const EmulationMemoryNeed two = EstimateEmulationMemory(FullSizeModel(), {2, 6000, 6029});
  EXPECT_EQ(two.kept, one.kept);
  EXPECT_EQ(two.cache, 2 * one.cache);
  EXPECT_GT(two.workspace, one.workspace);
}

TEST(EmulationMemory, ATiedHeadIsKeptOnce) {
  ModelConfig tied = FullSizeModel();
  tied.tie_word_embeddings = true;
  const EmulationWork work = {1, 10, 10};
  EXPECT_EQ(EstimateEmulationMemory(FullSizeModel(), work).kept -
                EstimateEmulationMemory(tied, work).kept,
            2 * int64_t{151936} * 2048);
}

TEST(EmulationMemory, AnErrorNamesAllFigures) {
  const EmulationMemoryNeed need = {kGib, 2 * kGib, 3 * kGib};
  EXPECT_TRUE(CheckEmulationFits("big", need, 6 * kGib).ok());
  const absl::Status status = CheckEmulationFits("big", need, 6 * kGib - 1);
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("big does not fit"), HasSubstr("at least 6.0 GiB"),
                    HasSubstr("norms 1.0 GiB"), HasSubstr("cache 2.0 GiB"),
                    HasSubstr("work space 3.0 GiB"), HasSubstr("6.0 GiB are available")));
}

class AvailableMemoryTest : public testing::Test {
 protected:
  AvailableMemoryTest()
      : root_(testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name()) {}

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  const std::string root_;
};

TEST_F(AvailableMemoryTest, IsTheKernelsFigure) {
  Write("/proc/meminfo", "MemTotal:  900 kB\nMemFree:  7 kB\nMemAvailable:  500 kB\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 500 * 1024);
}

TEST_F(AvailableMemoryTest, EndsAtAContainersLimit) {
  Write("/proc/meminfo", "MemAvailable:  500 kB\n");
  Write("/sys/fs/cgroup/memory.max", "max\n");
  Write("/sys/fs/cgroup/memory.stat", "anon 100000\nfile 300000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 500 * 1024) << "no limit";
  Write("/sys/fs/cgroup/memory.max", "400000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 300000) << "copies of files can be dropped";
  Write("/sys/fs/cgroup/memory.max", "90000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 0);
}

TEST_F(AvailableMemoryTest, EndsAtALimitOfTheFirstVersionToo) {
  Write("/proc/meminfo", "MemAvailable:  500 kB\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "200000\n");
  Write("/sys/fs/cgroup/memory/memory.stat", "cache 9\ntotal_rss 50000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 150000);
}

TEST_F(AvailableMemoryTest, IsTheLeastOfTheLimitsUpThePath) {
  Write("/proc/meminfo", "MemAvailable:  500 kB\n");
  Write("/proc/self/cgroup", "3:cpuset,cpu:/other\n0::/slurm/job_7/step\n");
  Write("/sys/fs/cgroup/memory.max", "450000\n");
  Write("/sys/fs/cgroup/slurm/job_7/step/memory.max", "max\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 450000);
  Write("/sys/fs/cgroup/slurm/job_7/memory.max", "400000\n");
  Write("/sys/fs/cgroup/slurm/job_7/memory.stat", "anon 100000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 300000);
  Write("/sys/fs/cgroup/slurm/job_7/step/memory.max", "200000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 200000);
  Write("/sys/fs/cgroup/slurm/memory.max", "150000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 150000);
  Write("/sys/fs/cgroup/other/memory.max", "1\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 150000) << "not this process's";
}

TEST_F(AvailableMemoryTest, FindsItsGroupOfTheFirstVersionToo) {
  Write("/proc/meminfo", "MemAvailable:  500 kB\n");
  Write("/proc/self/cgroup", "4:cpu,memory:/uid_1/job_2\n0::/\n");
  Write("/sys/fs/cgroup/memory/uid_1/job_2/memory.limit_in_bytes", "200000\n");
  EXPECT_EQ(AvailableMemory(root_).value(), 200000);
}

TEST_F(AvailableMemoryTest, IsNotGuessed) {
  EXPECT_THAT(AvailableMemory(root_).status().ToString(), HasSubstr("/proc/meminfo: expected"));
}

TEST(AvailableMemory, OfThisMachineIsThere) { EXPECT_GT(AvailableMemory().value(), 0); }

}  // namespace
}  // namespace forensics::runner
