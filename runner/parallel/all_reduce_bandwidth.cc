#include "runner/parallel/all_reduce_bandwidth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace forensics::runner {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr int64_t kBytesOfRound = 64 << 20;  // short sums are timed many at once
constexpr int64_t kMostSumsOfRound = 100;
constexpr int64_t kMostBytes = int64_t{16} << 30;
constexpr int kDistinct = 1024;  // addends are integers below it plus the rank: exact in float32

struct Unit {
  const char* suffix;
  int64_t bytes;
};
constexpr Unit kUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}};

// 0, 1 ... 1023, 0, 1 ...
at::Tensor Pattern(int64_t count, at::Device device) {
  return at::arange(count, at::TensorOptions(at::kLong).device(device))
      .remainder(kDistinct)
      .to(at::kFloat);
}

// The slowest rank's.
double Slowest(Communicator& ranks, double seconds) {
  for (const std::string& text : ranks.GatherBytes(absl::StrCat(seconds))) {
    double other = 0;
    if (absl::SimpleAtod(text, &other)) seconds = std::max(seconds, other);
  }
  return seconds;
}

void CheckSums(const Communicator& ranks, const at::Tensor& sums, const at::Tensor& expected) {
  for (int64_t i = 0; i < sums.size(0); ++i) {
    if (at::equal(sums[i], expected)) continue;
    const int64_t place = sums[i].ne(expected).nonzero()[0].item<int64_t>();
    throw RankError(absl::StrCat(
        "rank ", ranks.rank(), ": wrong sum of ", expected.nbytes(), " bytes: element ", place,
        ": expected ", expected[place].item<float>(), ", found ", sums[i][place].item<float>()));
  }
}

}  // namespace

absl::StatusOr<int64_t> ParseSize(absl::string_view text) {
  absl::string_view digits = text;
  int64_t unit = 1, number = 0;
  for (const Unit& known : kUnits) {
    if (absl::ConsumeSuffix(&digits, known.suffix)) unit = known.bytes;
  }
  if (absl::SimpleAtoi(digits, &number) && number > 0 && number <= kMostBytes / unit &&
      number * unit % static_cast<int64_t>(sizeof(float)) == 0) {
    return number * unit;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected a size such as 4096, 24MiB or 1GiB, a multiple of 4 up to ",
                   SizeText(kMostBytes), "; found '", text, "'"));
}

std::string SizeText(int64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes % unit.bytes == 0) return absl::StrCat(bytes / unit.bytes, unit.suffix);
  }
  return absl::StrCat(bytes);
}

double BusBandwidth(const SumTiming& timing, int ranks) {
  return 2.0 * (ranks - 1) / ranks * static_cast<double>(timing.bytes) / timing.seconds;
}

SumTiming TimeSums(Communicator& ranks, int64_t bytes, at::Device device) {
  const int n = ranks.size();
  const int64_t sums_of_round = std::clamp(kBytesOfRound / bytes, int64_t{1}, kMostSumsOfRound);
  const at::Tensor pattern = Pattern(bytes / static_cast<int64_t>(sizeof(float)), device);
  const at::Tensor mine = pattern + ranks.rank();
  const at::Tensor expected = pattern * n + n * (n - 1) / 2;
  at::Tensor sums = at::empty({sums_of_round, mine.numel()}, mine.options());
  std::vector<double> seconds;
  for (int round = 0; round <= kRounds; ++round) {
    sums.copy_(mine);
    sums[-1][-1].item<float>();  // waits for the copy
    ranks.GatherBytes("");       // all begin together
    const Clock::time_point began = Clock::now();
    for (int64_t i = 0; i < sums_of_round; ++i) {
      at::Tensor sum = sums[i];
      ranks.SumOverRanks(sum);
    }
    const double taken = std::chrono::duration<double>(Clock::now() - began).count();
    CheckSums(ranks, sums, expected);
    // The first round is for NCCL's buffers.
    const double slowest = Slowest(ranks, taken);
    if (round > 0) seconds.push_back(slowest / static_cast<double>(sums_of_round));
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRounds / 2, seconds.end());
  return {bytes, seconds[kRounds / 2]};
}

std::string EncodeTimings(const std::vector<SumTiming>& timings) {
  std::string text;
  for (const SumTiming& timing : timings) {
    absl::StrAppendFormat(&text, "%d %.9g\n", timing.bytes, timing.seconds);
  }
  return text;
}

absl::StatusOr<std::vector<SumTiming>> DecodeTimings(absl::string_view text) {
  std::vector<SumTiming> timings;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    SumTiming timing;
    if (fields.size() != 2 || !absl::SimpleAtoi(fields[0], &timing.bytes) ||
        !absl::SimpleAtod(fields[1], &timing.seconds) || !(timing.seconds > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected bytes and seconds, found '", line, "'"));
    }
    timings.push_back(timing);
  }
  return timings;
}

std::string TableText(const std::vector<SumTiming>& timings, int ranks) {
  std::string text;
  for (const SumTiming& timing : timings) {
    absl::StrAppendFormat(&text, "  %8s  %10.1f us  %8.2f GB/s\n", SizeText(timing.bytes),
                          timing.seconds * 1e6, BusBandwidth(timing, ranks) / 1e9);
  }
  return text;
}

}  // namespace forensics::runner
