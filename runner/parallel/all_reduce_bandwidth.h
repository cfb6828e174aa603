// How fast the ranks of this machine sum, and whether they sum right.
#ifndef RUNNER_PARALLEL_ALL_REDUCE_BANDWIDTH_H_
#define RUNNER_PARALLEL_ALL_REDUCE_BANDWIDTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {

struct SumTiming {
  int64_t bytes = 0;   // that each rank contributes
  double seconds = 0;  // of one sum, on the slowest rank
};

// "24MiB" -> 25165824; without a suffix (KiB, MiB, GiB) bytes. InvalidArgument unless it is a
// multiple of 4 from 4 to 16 GiB.
absl::StatusOr<int64_t> ParseSize(absl::string_view text);

// The exact opposite, where there is one: 25165824 -> "24MiB".
std::string SizeText(int64_t bytes);

// Bytes a second through the slowest link, as nccl-tests define it (doc/PERFORMANCE.md there):
// 2 (n - 1) / n times what a rank contributes, so that figures of different numbers of ranks can be
// compared with the speed of the hardware.
double BusBandwidth(const SumTiming& timing, int ranks);

// Sums float32 on `device` over the ranks, several times; the median. Each element of each sum is
// compared with the exact one: the addends are integers. RankError, naming element, expected and
// found, where a sum is wrong. `bytes` as ParseSize gives it, the same on all ranks.
SumTiming TimeSums(Communicator& ranks, int64_t bytes, at::Device device);

// What a rank writes for the process that started it, a line a timing, and back. InvalidArgument
// quotes the line that is not of that form.
std::string EncodeTimings(const std::vector<SumTiming>& timings);
absl::StatusOr<std::vector<SumTiming>> DecodeTimings(absl::string_view text);

// A line a timing: size, time of a sum, bus bandwidth.
std::string TableText(const std::vector<SumTiming>& timings, int ranks);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_ALL_REDUCE_BANDWIDTH_H_
