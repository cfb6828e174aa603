// Speed of the kernels that dominate a decoder, beside what bounds them:
//   bytes/s against BM_MemoryLimit, a plain read (decoding streams weights and cache);
//   FLOP/s of our attention against libtorch's, and of libtorch's products (prefill computes).
// OMP_NUM_THREADS sets the number of threads.
#include <ATen/ops/ones.h>
#include <benchmark/benchmark.h>

#include "runner/ops/attention.h"
#include "runner/ops/linear.h"
#include "runner/ops/parallel.h"

namespace forensics::runner {
namespace {

constexpr int64_t kLength = 6000, kDim = 32, kHeads = 8, kKvHeads = 4;

at::ScalarType DtypeOf(const benchmark::State& state) {
  return state.range(0) == 32 ? at::kFloat : at::kBFloat16;
}

void CountBytes(benchmark::State& state, int64_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * bytes);
}

void CountFlops(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] =
      benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

// Sums 256 MB, more than the caches hold.
void BM_MemoryLimit(benchmark::State& state) {
  const at::Tensor data = at::ones({64 << 20}, at::kFloat);
  const float* values = data.const_data_ptr<float>();
  for (auto _ : state) {
    ParallelFor(data.numel() / 4096, 1, [&](int64_t begin, int64_t end) {
      float sums[64] = {};
      for (int64_t i = begin * 4096; i < end * 4096; i += 64) {
        for (int64_t j = 0; j < 64; ++j) sums[j] += values[i + j];
      }
      benchmark::DoNotOptimize(sums);
    });
  }
  CountBytes(state, data.numel() * 4);
}
BENCHMARK(BM_MemoryLimit)->Unit(benchmark::kMillisecond)->UseRealTime();

// One row times weights of 64 MB: the model's head, or 170 smaller layers.
void BM_LinearOneRow(benchmark::State& state) {
  const at::Tensor x = at::ones({1, 256}, DtypeOf(state));
  const at::Tensor weight = at::ones({(64 << 20) / 256 * 8 / state.range(0), 256}, DtypeOf(state));
  for (auto _ : state) benchmark::DoNotOptimize(Linear(x, weight));
  CountBytes(state, static_cast<int64_t>(weight.nbytes()));
}
BENCHMARK(BM_LinearOneRow)->Arg(32)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_LinearManyRows(benchmark::State& state) {
  const at::Tensor x = at::ones({kLength, 256}, DtypeOf(state));
  const at::Tensor weight = at::ones({512, 256}, DtypeOf(state));
  for (auto _ : state) benchmark::DoNotOptimize(Linear(x, weight));
  CountFlops(state, 2.0 * kLength * 256 * 512);
}
BENCHMARK(BM_LinearManyRows)->Arg(32)->Arg(16)->Unit(benchmark::kMillisecond)->UseRealTime();

// Caches of 14 layers in turn, so that none is still in the processor's caches.
void BM_AttentionDecode(benchmark::State& state, const char* name) {
  const AttentionFunction attend = FindAttention(name, at::kCPU)->function;
  const at::Tensor queries = at::ones({1, kHeads, 1, kDim}, DtypeOf(state));
  const at::Tensor caches = at::ones({28, 1, kKvHeads, kLength, kDim}, DtypeOf(state));
  int64_t layer = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(attend(queries, caches[2 * layer], caches[2 * layer + 1]));
    layer = (layer + 1) % 14;
  }
  CountBytes(state, static_cast<int64_t>(caches.nbytes()) / 14);
}
BENCHMARK_CAPTURE(BM_AttentionDecode, own, "flash_attention_2")->Arg(32)->Arg(16)->UseRealTime();
BENCHMARK_CAPTURE(BM_AttentionDecode, libtorch, "flash_attention_libtorch")
    ->Arg(32)
    ->Arg(16)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_AttentionDecode, eager, "eager")->Arg(32)->Arg(16)->UseRealTime();

void BM_AttentionPrefill(benchmark::State& state, const char* name) {
  const AttentionFunction attend = FindAttention(name, at::kCPU)->function;
  const at::Tensor queries = at::ones({1, kHeads, kLength, kDim}, DtypeOf(state));
  const at::Tensor cache = at::ones({1, kKvHeads, kLength, kDim}, DtypeOf(state));
  for (auto _ : state) benchmark::DoNotOptimize(attend(queries, cache, cache));
  CountFlops(state, 2.0 * kHeads * kDim * kLength * (kLength + 1));
}
BENCHMARK_CAPTURE(BM_AttentionPrefill, own, "flash_attention_portable")
    ->Arg(32)
    ->Arg(16)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_AttentionPrefill, libtorch, "flash_attention_libtorch")
    ->Arg(32)
    ->Arg(16)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_AttentionPrefill, eager, "eager")
    ->Arg(32)
    ->Arg(16)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace forensics::runner
