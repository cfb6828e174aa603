// Starts this very program as ranks: what a rank does is told by its first argument.
#include "runner/parallel/local_ranks.h"

#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "runner/parallel/gloo_communicator.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout(20000);
constexpr int kOtherCode = 3;

std::string Scratch(const std::string& name) {
  return std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
}

LocalRanks ThisProgram(const std::string& work, int size) {
  LocalRanks ranks;
  ranks.program = "/proc/self/exe";
  ranks.arguments = {"rank", work};
  ranks.world_size = size;
  ranks.grace = milliseconds(3000);
  return ranks;
}

// ---- What the ranks do -------------------------------------------------------------------------

int Fail(int rank, const absl::Status& status, Rendezvous& store) {
  ReportRankFailure(rank, status, store);
  return 1;
}

int Collective(const RankEnvironment& ranks, const std::string& work, Rendezvous& store) {
  auto communicator = ConnectGloo(ranks, "test", milliseconds(6000), store);
  if (!communicator.ok()) return Fail(ranks.rank, communicator.status(), store);
  if (ranks.rank == 1) {
    if (work == "kill") raise(SIGKILL);
    if (work == "hang") pause();
    if (work == "error") {
      return Fail(ranks.rank, absl::InternalError("out of patience"), store);
    }
  }
  try {
    at::Tensor sum = at::zeros({8});
    (*communicator)->SumOverRanks(sum);
  } catch (const RankError& error) {
    return Fail(ranks.rank, absl::UnavailableError(error.what()), store);
  }
  return 0;
}

int RankMain(const std::string& work) {
  const auto ranks = ReadRankEnvironment([](const char* name) { return std::getenv(name); });
  if (!ranks.ok() || !ranks->has_value()) return 99;
  if (work == "exit3") return (*ranks)->rank == 0 ? kOtherCode : 0;
  if (work == "sleep") {
    std::ofstream(Scratch("orphan_" + std::to_string((*ranks)->rank))) << getpid() << std::endl;
    pause();
  }
  auto store = Rendezvous::Join(**ranks, kTimeout);
  if (!store.ok()) return 98;
  return Collective(**ranks, work, **store);
}

// ---- What is expected of the one who starts them -----------------------------------------------

TEST(LocalRanksTest, AllDone) {
  const absl::Status status = RunLocalRanks(ThisProgram("sum", 3));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(LocalRanksTest, OtherGoodExitCodes) {
  LocalRanks ranks = ThisProgram("exit3", 2);
  EXPECT_THAT(std::string(RunLocalRanks(ranks).message()),
              testing::HasSubstr("exited with code 3"));
  ranks.good_exit_codes = {0, kOtherCode};
  EXPECT_TRUE(RunLocalRanks(ranks).ok());
}

TEST(LocalRanksTest, AKilledRankIsNamed) {
  const absl::Status status = RunLocalRanks(ThisProgram("kill", 3));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("lost "));
  EXPECT_THAT(std::string(status.message()),
              testing::ContainsRegex("rank 1 .*was killed by signal 9"));
}

TEST(LocalRanksTest, AHangingRankIsNamedAndEnded) {
  const absl::Status status = RunLocalRanks(ThisProgram("hang", 3));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("heard nothing from rank 1"));
}

TEST(LocalRanksTest, TheFirstCauseIsTold) {
  const absl::Status status = RunLocalRanks(ThisProgram("error", 3));
  EXPECT_THAT(std::string(status.message()), testing::StartsWith("rank 1: out of patience"));
}

TEST(LocalRanksTest, ATakenPortIsAnError) {
  auto taken = Rendezvous::Serve(0, kTimeout);
  ASSERT_TRUE(taken.ok()) << taken.status();
  LocalRanks ranks = ThisProgram("sum", 2);
  ranks.port = (*taken)->port();
  const absl::Status status = RunLocalRanks(ranks);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(std::to_string(ranks.port)));
}

bool IsAlive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string id, name, state;
  return static_cast<bool>(stat >> id >> name >> state) && state != "Z" && state != "X";
}

TEST(LocalRanksTest, RanksDieWithTheirParent) {
  const pid_t parent = fork();
  if (parent == 0) {
    const std::string program = "/proc/self/exe";
    execl(program.c_str(), "launcher", "launch-sleepers", nullptr);
    _exit(1);
  }
  std::vector<pid_t> pids(2, 0);
  for (int rank = 0; rank < 2; ++rank) {
    for (int tries = 0; tries < 1000 && pids[rank] == 0; ++tries) {
      std::ifstream(Scratch("orphan_" + std::to_string(rank))) >> pids[rank];
      std::this_thread::sleep_for(milliseconds(20));
    }
    ASSERT_GT(pids[rank], 0);
    EXPECT_TRUE(IsAlive(pids[rank]));
  }
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  for (const pid_t pid : pids) {
    for (int tries = 0; tries < 500 && IsAlive(pid); ++tries) {
      std::this_thread::sleep_for(milliseconds(20));
    }
    EXPECT_FALSE(IsAlive(pid));
  }
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics::runner;
  if (argc == 2 && std::string(argv[0]) == "rank") return RankMain(argv[1]);
  if (argc == 2 && std::string(argv[0]) == "launcher") {
    return RunLocalRanks(ThisProgram("sleep", 2)).ok() ? 0 : 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
