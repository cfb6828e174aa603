// What capture costs of decode: single-token passes of the small model at a context of 6,000
// tokens, with and without the recorder in turn, so that both see the same machine.
//
//   bazel run //runner/engine:capture_benchmark
#include <algorithm>
#include <chrono>
#include <vector>

#include "benchmark/benchmark.h"
#include "runner/capture/signal_recorder.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/decoder_language_model.h"
#include "runner/engine/machine.h"

namespace forensics::runner {
namespace {

constexpr int64_t kContext = 6000;
constexpr int kPairs = 100;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

schema::ExtractionConfig Extraction() {
  schema::ExtractionConfig extraction;
  for (const int layer : {1, 2, 4, 12, 13}) extraction.add_layers(layer);
  extraction.set_window(3);
  extraction.set_top_k_logprobs(10);
  return extraction;
}

void BM_CaptureInDecode(benchmark::State& state, const std::string& dtype) {
  MakeDeterministic(0);
  const auto checkpoint = Checkpoint::Open("testdata/mini_qwen3_moe/awq");
  schema::RunConfig config;
  config.set_device("cpu");
  config.set_dtype(dtype);
  config.set_attention_impl("flash_attention_2");
  config.set_cuda_version("default");
  config.set_tp_size(1);
  config.set_ep_size(1);
  if (!checkpoint.ok()) return state.SkipWithError(checkpoint.status().ToString().c_str());
  SingleProcess alone;
  const auto model = DecoderLanguageModel::Create(**checkpoint, config, {}, alone);
  if (!model.ok()) return state.SkipWithError(model.status().ToString().c_str());
  if (const absl::Status status = (*model)->LoadWeights({}); !status.ok()) {
    return state.SkipWithError(status.ToString().c_str());
  }
  std::vector<double> with, without;
  for (auto _ : state) {
    (void)(*model)->Reset(1, kContext + 2 * kPairs);
    (void)(*model)->Forward({std::vector<int64_t>(kContext, 17)}, 1, nullptr);
    SignalRecorder recorder(Extraction());
    for (int i = 0; i < kPairs; ++i) {
      double start = Seconds();
      (void)(*model)->Forward({{17}}, 1, nullptr);
      without.push_back(Seconds() - start);
      start = Seconds();
      recorder.BeginStep(i, kContext + i, 1);
      const auto logits = (*model)->Forward({{17}}, 1, &recorder);
      (void)recorder.EndStep(*logits);
      with.push_back(Seconds() - start);
    }
  }
  const double base = Median(without), captured = Median(with);
  state.counters["decode_tokens_per_s"] = 1 / base;
  state.counters["with_capture_tokens_per_s"] = 1 / captured;
  state.counters["capture_percent"] = 100 * (captured - base) / base;
  state.counters["target_percent"] = 3;
}

BENCHMARK_CAPTURE(BM_CaptureInDecode, float32, "float32")
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_CaptureInDecode, bfloat16, "bfloat16")
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forensics::runner
