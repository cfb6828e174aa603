// Ranks on real GPUs, one each; to be carried to a machine with at least two. Prints what it
// checked and ends with "N passed, N failed".
//
//   bazel build //runner/parallel:nccl_gpu_test.stripped
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/parallel/gloo_communicator.h"
#include "runner/parallel/local_ranks.h"
#include "runner/parallel/nccl_communicator.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTimeout(60000);
constexpr milliseconds kShort(5000);
constexpr int64_t kCount = 100003;

std::string Bytes(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  return std::string(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
}

// Noise of different magnitude on every rank, so that the order of the sum shows in its bits.
at::Tensor Contribution(int rank, at::ScalarType dtype) {
  return ((at::arange(kCount).to(at::kDouble) * 0.618 + rank).sin() * (rank + 1))
      .to(dtype)
      .to(at::kCUDA);
}

bool SumsAgree(Communicator& ranks, at::ScalarType dtype) {
  std::string first;
  at::Tensor exact = Contribution(0, dtype).to(at::kDouble);
  for (int rank = 1; rank < ranks.size(); ++rank) {
    exact = exact + Contribution(rank, dtype).to(at::kDouble);
  }
  for (int round = 0; round < 3; ++round) {
    at::Tensor sum = Contribution(ranks.rank(), dtype);
    ranks.SumOverRanks(sum);
    const double error = (sum.to(at::kDouble) - exact).abs().max().item<double>();
    if (error > (dtype == at::kFloat ? 1e-6 : 6e-2)) return false;
    if (round == 0) first = Bytes(sum);
    for (const std::string& other : ranks.GatherBytes(Bytes(sum))) {
      if (other != first) return false;  // another rank's bits, or another round's
    }
  }
  return true;
}

bool GathersColumns(Communicator& ranks) {
  std::vector<int64_t> widths;
  for (int rank = 0; rank < ranks.size(); ++rank) widths.push_back(2 + rank);
  const at::Tensor part = at::full({3, widths[ranks.rank()]}, ranks.rank(),
                                   at::TensorOptions(at::kCUDA).dtype(at::kFloat));
  const at::Tensor whole = ranks.GatherColumns(part, widths).cpu();
  int64_t column = 0;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    const at::Tensor found = whole.narrow(1, column, widths[rank]);
    if (!at::equal(found, at::full({3, widths[rank]}, static_cast<float>(rank)))) return false;
    column += widths[rank];
  }
  return whole.size(1) == column;
}

bool Survives(Communicator& ranks) {
  at::Tensor sum = Contribution(ranks.rank(), at::kFloat);
  ranks.SumOverRanks(sum);
  if (ranks.rank() == 1) raise(SIGKILL);
  ranks.SumOverRanks(sum);
  return true;
}

const std::vector<std::pair<std::string, std::function<bool(Communicator&)>>>& Works() {
  static const auto* const works =
      new std::vector<std::pair<std::string, std::function<bool(Communicator&)>>>{
          {"sum_float32", [](Communicator& r) { return SumsAgree(r, at::kFloat); }},
          {"sum_bfloat16", [](Communicator& r) { return SumsAgree(r, at::kBFloat16); }},
          {"gather_columns", GathersColumns},
          {"killed_rank", Survives}};
  return *works;
}

int Fail(const RankEnvironment& ranks, const absl::Status& status, Rendezvous& store) {
  ReportRankFailure(ranks.rank, status, store);
  return 1;
}

int RankMain(const std::string& name) {
  const RankEnvironment ranks =
      **ReadRankEnvironment([](const char* variable) { return std::getenv(variable); });
  auto store = Rendezvous::Join(ranks, kTimeout);
  if (!store.ok()) return 98;
  auto control = ConnectGloo(ranks, "control", kTimeout, **store);
  if (!control.ok()) return Fail(ranks, control.status(), **store);
  const auto gpu = StartCuda(ranks.local_rank, LibtorchCudaVersion());
  if (!gpu.ok()) return Fail(ranks, gpu.status(), **store);
  auto nccl = ConnectNccl(kTimeout, kShort, **control);
  if (!nccl.ok()) return Fail(ranks, nccl.status(), **store);
  if (ranks.rank == 0) std::fprintf(stderr, "%s\n", (*nccl)->Description().c_str());
  for (const auto& [known, work] : Works()) {
    if (known != name) continue;
    try {
      return work(**nccl) ? 0 : Fail(ranks, absl::InternalError("wrong result"), **store);
    } catch (const RankError& error) {
      return Fail(ranks, absl::AbortedError(error.what()), **store);
    }
  }
  return 97;
}

bool Passes(const std::string& name, int gpus) {
  LocalRanks ranks;
  ranks.program = "/proc/self/exe";
  ranks.arguments = {"rank", name};
  ranks.world_size = gpus;
  ranks.grace = milliseconds(20000);
  const absl::Status status = RunLocalRanks(ranks);
  const bool passed = name == "killed_rank"
                          ? absl::StrContains(status.message(), "rank 1 ") &&
                                absl::StrContains(status.message(), "killed by signal 9")
                          : status.ok();
  std::printf("%s on %d GPUs: %s  %s\n", name.c_str(), gpus, passed ? "passed" : "FAILED",
              std::string(status.message()).c_str());
  std::fflush(stdout);
  return passed;
}

int TestMain() {
  const int gpus = CountGpus();
  if (gpus < 2) {
    std::printf("needs 2 GPUs, found %d\n0 passed, 1 failed\n", gpus);
    return 1;
  }
  int passed = 0, failed = 0;
  for (const auto& work : Works()) ++(Passes(work.first, gpus) ? passed : failed);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics::runner;
  return argc == 2 && std::string(argv[0]) == "rank" ? RankMain(argv[1]) : TestMain();
}
