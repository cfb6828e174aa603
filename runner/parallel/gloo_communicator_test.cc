#include "runner/parallel/gloo_communicator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "runner/parallel/testing/forked_ranks.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;

std::vector<int> AllGood(int size) { return std::vector<int>(size, 0); }

class GlooSumTest : public testing::TestWithParam<std::tuple<int, at::ScalarType, int64_t>> {};

// Rank r contributes x_r; the values are such that the order of the sum shows in the bits.
at::Tensor Contribution(int rank, int64_t count, at::ScalarType dtype) {
  constexpr double kScales[] = {1e8, 1, -1e8, 0.37};
  return ((at::arange(count).to(at::kDouble) * 0.618 + rank) * kScales[rank]).to(dtype);
}

TEST_P(GlooSumTest, AddsInRankOrder) {
  const auto& [size, dtype, count] = GetParam();
  const auto work = [&, size = size, dtype = dtype, count = count](Communicator& communicator) {
    at::Tensor expected = Contribution(0, count, dtype).to(at::kFloat);
    for (int rank = 1; rank < size; ++rank) {
      expected = expected + Contribution(rank, count, dtype).to(at::kFloat);
    }
    for (int round = 0; round < 3; ++round) {
      at::Tensor sum = Contribution(communicator.rank(), count, dtype);
      communicator.SumOverRanks(sum);
      if (!at::equal(sum, expected.to(dtype))) return false;
    }
    return true;
  };
  EXPECT_EQ(RunForkedRanks(size, work), AllGood(size));
}

INSTANTIATE_TEST_SUITE_P(
    All, GlooSumTest,
    testing::Combine(testing::Values(2, 3, 4), testing::Values(at::kFloat, at::kBFloat16),
                     // Either side of where the sum is shared among the ranks; an odd count.
                     testing::Values<int64_t>(1, 16384, 16385, 100003)),
    [](const auto& info) {
      return std::to_string(std::get<0>(info.param)) + "_ranks_" +
             c10::toString(std::get<1>(info.param)) + "_" + std::to_string(std::get<2>(info.param));
    });

TEST(GlooCommunicatorTest, GathersColumnsOfUnequalWidth) {
  const auto work = [](Communicator& communicator) {
    const std::vector<int64_t> widths = {2, 1, 3};
    const at::Tensor part = at::full({2, widths[communicator.rank()]}, communicator.rank());
    const at::Tensor whole = communicator.GatherColumns(part, widths);
    at::Tensor expected = at::zeros({2, 6}, part.options());
    expected.slice(1, 2, 3).fill_(1);
    expected.slice(1, 3, 6).fill_(2);
    return at::equal(whole, expected);
  };
  EXPECT_EQ(RunForkedRanks(3, work), AllGood(3));
}

TEST(GlooCommunicatorTest, GathersBytesOfAnyLength) {
  const auto work = [](Communicator& communicator) {
    const std::vector<std::string> words = {"", "one", std::string(300000, 'x')};
    return communicator.GatherBytes(words[communicator.rank()]) == words;
  };
  EXPECT_EQ(RunForkedRanks(3, work), AllGood(3));
}

// What the survivors say, when rank 2 does `fault` in the middle of the work, and rank 1 comes
// `late` to what follows, a sum of `elements`.
bool NamesRankTwo(Communicator& communicator, const std::function<void()>& fault,
                  const std::string& expected, int64_t elements = 100000,
                  milliseconds late = milliseconds(0)) {
  at::Tensor sum = at::zeros({elements});
  communicator.SumOverRanks(sum);
  if (communicator.rank() == 2) fault();
  if (communicator.rank() == 1) std::this_thread::sleep_for(late);
  try {
    communicator.SumOverRanks(sum);
  } catch (const RankError& error) {
    // A rank that leaves at once is the next one to be lost by those who are slower to notice.
    std::this_thread::sleep_for(milliseconds(1000));
    const std::string found = error.what();
    if (found.find(expected) != std::string::npos && found.find("2") != std::string::npos) {
      return true;
    }
    fprintf(stderr, "rank %d: %s\n", communicator.rank(), error.what());
  }
  return false;
}

TEST(GlooCommunicatorTest, AKilledRankIsNamedByAllOthers) {
  const auto work = [](Communicator& communicator) {
    return NamesRankTwo(
        communicator, [] { raise(SIGKILL); }, "lost ");
  };
  EXPECT_EQ(RunForkedRanks(4, work), (std::vector<int>{0, 0, -SIGKILL, 0}));
}

// Ranks 0 and 3 wait for rank 1's part, more than a socket takes at once, when rank 2 is lost; rank
// 1 knows that before it sends.
TEST(GlooCommunicatorTest, ARankThatFindsTheLossFirstStillServesTheOthers) {
  const auto fault = [] {
    std::this_thread::sleep_for(milliseconds(200));
    raise(SIGKILL);
  };
  const auto work = [&](Communicator& communicator) {
    return NamesRankTwo(communicator, fault, "lost ", 16'000'000, milliseconds(600));
  };
  EXPECT_EQ(RunForkedRanks(4, work, milliseconds(10000)), (std::vector<int>{0, 0, -SIGKILL, 0}));
}

TEST(GlooCommunicatorTest, AHangingRankIsNamedInTime) {
  const auto work = [](Communicator& communicator) {
    return NamesRankTwo(
        communicator,
        [] {
          alarm(15);
          pause();
        },
        "heard nothing from rank 2 for 5 s");
  };
  EXPECT_EQ(RunForkedRanks(4, work, milliseconds(5000)), (std::vector<int>{0, 0, -SIGALRM, 0}));
}

TEST(RendezvousTest, AMissingMasterIsAnError) {
  auto store = Rendezvous::Join({1, 2, 1, 2, "127.0.0.1", 1, true}, milliseconds(500));
  EXPECT_FALSE(store.ok());
  EXPECT_THAT(store.status().message(), testing::HasSubstr("127.0.0.1:1"));
}

TEST(RendezvousTest, ATakenPortIsAnError) {
  auto first = Rendezvous::Serve(0, kPatience);
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = Rendezvous::Serve((*first)->port(), milliseconds(1000));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), testing::HasSubstr(std::to_string((*first)->port())));
}

}  // namespace
}  // namespace forensics::runner
