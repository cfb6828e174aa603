// nccl_bandwidth: whether all GPUs of this machine can sum together, and how fast.
//
// As experiments 7 and 8 do it: a process a GPU, the same libtorch, NCCL and connection.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runner/cuda/driver.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/engine/torch_errors.h"
#include "runner/parallel/all_reduce_bandwidth.h"
#include "runner/parallel/gloo_communicator.h"
#include "runner/parallel/local_ranks.h"
#include "runner/parallel/nccl_communicator.h"
#include "runner/parallel/nccl_library.h"
#include "schema/command_line.h"
#include "schema/standard_output.h"

ABSL_FLAG(int, gpus, 0, "how many GPUs must sum; 0: all that there are");
ABSL_FLAG(
    std::vector<std::string>, sizes, {},
    "bytes that each GPU contributes; default: 4KiB (a token's hidden states), 24MiB (those of "
    "a prompt of 6,144 tokens) and 256MiB");
ABSL_FLAG(std::string, order, "both",
          "runner: the fixed order of experiments 7 and 8; nccl: as NCCL chooses for speed; both");
ABSL_FLAG(int, timeout, 60, "seconds until a GPU that takes no part is given up");
ABSL_FLAG(int, results_fd, -1, "set by this program for the processes that it starts");

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;

constexpr char kProgram[] = "nccl_bandwidth";
constexpr char kUsage[] =
    R"(Sums over all GPUs of this machine with NCCL, checks every sum, and prints the bus bandwidth.

  nccl_bandwidth
  nccl_bandwidth --gpus=4 --sizes=1MiB,1GiB
  start_ranks nccl_bandwidth --order=nccl        # under torchrun's variables: GPUs of many machines

Bus bandwidth is nccl-tests': 2 (n - 1) / n times the bytes of a GPU, a second. The runner's order is
one ring in one channel, which is what makes its sums repeat themselves; it is slower than NCCL's own.
Exit codes: 0 done; 1 failed, or a sum is wrong; 2 wrong usage; 4 driver, GPUs or NCCL are missing and
named.
)";

struct Order {
  const char* name;
  const char* title;
};
constexpr Order kOrders[] = {{"runner", "in the runner's order"}, {"nccl", "as NCCL chooses"}};

absl::StatusOr<std::vector<int64_t>> SizesFromFlags() {
  std::vector<std::string> texts = absl::GetFlag(FLAGS_sizes);
  if (texts.empty()) texts = {"4KiB", "24MiB", "256MiB"};
  std::vector<int64_t> sizes;
  for (const std::string& text : texts) {
    const absl::StatusOr<int64_t> size = ParseSize(text);
    if (!size.ok()) return schema::UsageError("--sizes: " + std::string(size.status().message()));
    sizes.push_back(*size);
  }
  return sizes;
}

milliseconds Timeout() { return std::chrono::seconds(absl::GetFlag(FLAGS_timeout)); }

absl::Status CheckFlags() {
  const std::string order = absl::GetFlag(FLAGS_order);
  if (order != "runner" && order != "nccl" && order != "both") {
    return schema::UsageError(
        absl::StrCat("--order: expected runner, nccl or both; found '", order, "'"));
  }
  if (absl::GetFlag(FLAGS_gpus) < 0 || absl::GetFlag(FLAGS_gpus) == 1) {
    return schema::UsageError("--gpus: one GPU has nothing to sum with; expected at least 2, or 0");
  }
  if (absl::GetFlag(FLAGS_timeout) < 1) return schema::UsageError("--timeout: expected at least 1");
  return SizesFromFlags().status();
}

// --- A rank --------------------------------------------------------------------------

absl::StatusOr<std::vector<SumTiming>> TimeOnGpu(const RankEnvironment& ranks,
                                                 Communicator& control) {
  const auto gpu = StartCuda(ranks.local_rank, LibtorchCudaVersion());
  if (!gpu.ok()) return gpu.status();
  const auto nccl = ConnectNccl(Timeout(), Timeout(), control,
                                /*fixed_order=*/absl::GetFlag(FLAGS_order) != "nccl");
  if (!nccl.ok()) return nccl.status();
  const absl::StatusOr<std::vector<int64_t>> sizes = SizesFromFlags();
  const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(gpu->index));
  return CatchTorch([&]() -> absl::StatusOr<std::vector<SumTiming>> {
    std::vector<SumTiming> timings;
    for (const int64_t bytes : *sizes) timings.push_back(TimeSums(**nccl, bytes, device));
    return timings;
  });
}

// Rank 0 answers for all: to the process that started it, or the user.
absl::Status Answer(const std::vector<SumTiming>& timings, int ranks) {
  const int fd = absl::GetFlag(FLAGS_results_fd);
  if (fd < 0) {
    std::cout << TableText(timings, ranks);
    return absl::OkStatus();
  }
  const std::string text = EncodeTimings(timings);
  if (write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  return absl::InternalError("rank 0 cannot pass its results on");
}

absl::Status RankMain(const RankEnvironment& ranks) {
  if (absl::GetFlag(FLAGS_order) == "both") {
    return schema::UsageError("as a rank: name one, --order=runner or --order=nccl");
  }
  auto store = Rendezvous::Join(ranks, std::max(Timeout(), kStartTimeout));
  if (!store.ok()) return store.status();
  auto control = ConnectGloo(ranks, "control", std::max(Timeout(), kStartTimeout), **store);
  if (!control.ok()) return control.status();
  const absl::StatusOr<std::vector<SumTiming>> timings = TimeOnGpu(ranks, **control);
  absl::Status status = timings.status();
  if (status.ok() && ranks.rank == 0) status = Answer(*timings, ranks.world_size);
  if (!status.ok()) ReportRankFailure(ranks.rank, status, **store);
  return status;
}

// --- Who starts the ranks ------------------------------------------------------------

// All that is missing, at once; each part as the ranks will look for it.
std::vector<std::string> WhatIsMissing(int* gpus) {
  std::vector<std::string> missing;
  const auto add = [&missing](const absl::Status& status) {
    if (!status.ok()) missing.emplace_back(status.message());
    return status.ok();
  };
  if (add(CudaDriver::Get().status())) {
    const int found = CountGpus();
    if (*gpus == 0) *gpus = found;
    if (found < std::max(*gpus, 2)) {
      add(absl::UnavailableError(
          absl::StrCat("expected ", std::max(*gpus, 2), " GPUs, found ", found)));
    }
  }
  add(LoadTorchCudaOfThisProcess(LibtorchCudaVersion()));
  add(nccl::Library::Get().status());  // which libtorch_cuda brings along
  return missing;
}

absl::StatusOr<std::string> ReadAll(int fd) {
  std::string text(1 << 16, '\0');
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  if (size < 0) return absl::InternalError("the ranks' results cannot be read");
  text.resize(static_cast<size_t>(size));
  return text;
}

absl::StatusOr<std::vector<SumTiming>> RunRanks(const char* program, const Order& order, int gpus) {
  const int results = memfd_create("results", 0);
  if (results < 0) return absl::InternalError("no memory for the ranks' results");
  LocalRanks ranks;
  ranks.program = "/proc/self/exe";
  ranks.arguments = {program, absl::StrCat("--order=", order.name),
                     absl::StrCat("--results_fd=", results),
                     absl::StrCat("--timeout=", absl::GetFlag(FLAGS_timeout))};
  const std::vector<std::string> sizes = absl::GetFlag(FLAGS_sizes);
  if (!sizes.empty()) ranks.arguments.push_back("--sizes=" + absl::StrJoin(sizes, ","));
  ranks.world_size = gpus;
  const absl::Status status = RunLocalRanks(ranks);
  const absl::StatusOr<std::string> text = ReadAll(results);
  close(results);
  if (!status.ok()) return status;
  if (!text.ok()) return text.status();
  return DecodeTimings(*text);
}

absl::StatusOr<int> StartRanks(const char* program) {
  int gpus = absl::GetFlag(FLAGS_gpus);
  const std::vector<std::string> missing = WhatIsMissing(&gpus);
  if (!missing.empty()) {
    std::cerr << kProgram << ": " << absl::StrJoin(missing, absl::StrCat("\n", kProgram, ": "))
              << "\n";
    return schema::kExitIncomplete;
  }
  std::vector<std::string> summary;
  for (const Order& order : kOrders) {
    const std::string wanted = absl::GetFlag(FLAGS_order);
    if (wanted != "both" && wanted != order.name) continue;
    const auto timings = RunRanks(program, order, gpus);
    if (!timings.ok()) return timings.status();
    std::cout << gpus << " GPUs, sums " << order.title << ":\n" << TableText(*timings, gpus);
    const SumTiming& last = timings->back();
    summary.push_back(absl::StrFormat("%.1f GB/s %s", BusBandwidth(last, gpus) / 1e9, order.title));
  }
  std::cout << gpus << " GPUs, every sum right; bus bandwidth " << absl::StrJoin(summary, ", ")
            << "\n";
  return schema::kExitDone;
}

absl::StatusOr<int> Run(const char* program, const std::vector<std::string>& positional) {
  if (!positional.empty()) {
    return schema::UsageError(absl::StrCat("unexpected argument '", positional[0], "'"));
  }
  if (absl::Status status = CheckFlags(); !status.ok()) return status;
  const auto ranks =
      ReadRankEnvironment([](const char* variable) { return std::getenv(variable); });
  if (!ranks.ok()) return ranks.status();
  if (!ranks->has_value()) return StartRanks(program);
  const absl::Status status = RankMain(**ranks);
  if (!status.ok()) return status;
  return schema::kExitDone;
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics;  // NOLINT
  const std::vector<std::string> positional =
      schema::ParseCommandLineOrExit(runner::kUsage, argc, argv);
  absl::StatusOr<int> exit_code = runner::Run(argv[0], positional);
  if (exit_code.ok()) {
    const absl::Status printed = schema::FlushStandardOutput();
    if (printed.ok()) return *exit_code;
    exit_code = printed;
  }
  return schema::ReportAndExitCode(runner::kProgram, exit_code.status());
}
