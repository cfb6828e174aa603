#include "runner/ops/kernel_log.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "runner/ops/attention.h"
#include "runner/ops/experts.h"
#include "runner/ops/linear.h"
#include "runner/ops/rms_norm.h"
#include "runner/ops/router.h"
#include "runner/ops/swiglu.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;

// "phase kernel (operands): calls, rows" of each entry.
std::vector<std::string> Lines(const KernelLog& log) {
  std::vector<std::string> lines;
  for (const KernelLog::Entry& entry : log.entries()) {
    lines.push_back(absl::StrCat(entry.phase, " ", entry.kernel, " (", entry.OperandsText(),
                                 "): ", entry.calls, ", ", entry.min_rows, " to ", entry.max_rows));
  }
  return lines;
}

TEST(KernelLogTest, CountsByPhaseKernelAndOperands) {
  KernelLog log;
  const ActiveKernelLog active(&log);
  log.BeginPhase("prefill");
  RecordKernel("linear", {{"in", 4}, {"out", 8}}, 7);
  RecordKernel("linear", {{"in", 4}, {"out", 8}}, 3);
  RecordKernel("linear", {{"in", 8}, {"out", 4}}, 7);
  log.BeginPhase("decode");
  RecordKernel("linear", {{"in", 4}, {"out", 8}}, 1);
  EXPECT_THAT(Lines(log), ElementsAre("prefill linear (in=4, out=8): 2, 3 to 7",
                                      "prefill linear (in=8, out=4): 1, 7 to 7",
                                      "decode linear (in=4, out=8): 1, 1 to 1"));
}

TEST(KernelLogTest, OnlyTheThreadsOwnActiveLogTakesCalls) {
  KernelLog log;
  RecordKernel("before", {}, 1);
  {
    const ActiveKernelLog active(&log);
    std::thread([] { RecordKernel("another thread", {}, 1); }).join();
    RecordKernel("here", {}, 1);
  }
  RecordKernel("after", {}, 1);
  EXPECT_THAT(Lines(log), ElementsAre(" here (): 1, 1 to 1"));
}

TEST(KernelLogTest, OperationsSayWhichKernelTheyChose) {
  const auto run = [](int64_t rows) {
    KernelLog log;
    const ActiveKernelLog active(&log);
    const at::Tensor x = at::ones({rows, 32}, at::kFloat);
    (void)Linear(x, at::ones({8, 32}, at::kFloat));
    (void)RmsNorm(x, at::ones({32}, at::kFloat), 1e-6);
    const Routing routing = RouteTokens(at::ones({rows, 4}, at::kFloat), 2, true);
    (void)MixExperts(x, routing,
                     {at::ones({4, 6, 32}, at::kFloat), at::ones({4, 32, 3}, at::kFloat)}, SwiGlu);
    const at::Tensor cache = at::ones({1, 2, rows, 16}, at::kFloat);
    (void)FindAttention("flash_attention_2", at::kCPU)
        ->function(at::ones({1, 4, rows, 16}, at::kFloat), cache, cache);
    return Lines(log);
  };
  EXPECT_THAT(
      run(1),
      ElementsAre(" linear/own_16_lanes (in=32, out=8): 1, 1 to 1",
                  " rms_norm/own (width=32): 1, 1 to 1",
                  " router/own (experts=4, slots=2): 1, 1 to 1",
                  " experts/own_16_lanes (hidden=32, width=3, slots=2): 1, 1 to 1",
                  " swiglu/own (width=3): 1, 2 to 2",
                  " attention/own_flash_decode (heads=4, kv_heads=2, head_dim=16): 1, 1 to 1"));
  EXPECT_THAT(
      run(5),
      ElementsAre(
          " linear/libtorch (in=32, out=8): 1, 5 to 5", " rms_norm/own (width=32): 1, 5 to 5",
          " router/own (experts=4, slots=2): 1, 5 to 5",
          " experts/libtorch_mm (in=32, out=6): 2, 5 to 5", " swiglu/own (width=3): 2, 5 to 5",
          " experts/libtorch_mm (in=3, out=32): 2, 5 to 5",
          " experts/own_weighted_sum (hidden=32, slots=2): 1, 5 to 5",
          " attention/libtorch_flash (heads=4, kv_heads=2, head_dim=16): 1, 5 to 5"));
}

}  // namespace
}  // namespace forensics::runner
