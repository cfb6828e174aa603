// Speed of the AWQ decode against that of memcpy, the limit that memory sets, in the same run.
// Bytes are those read and written; results are new tensors, so the kernel's page faults are part
// of both. The first size is that of an expert of Qwen3-30B-A3B, which has 18,432 of these
// matrices.
//
//   ./bazelw run //runner/checkpoint:awq_benchmark
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "runner/checkpoint/awq.h"

namespace forensics::runner {
namespace {

constexpr int64_t kGroupSize = 128;
constexpr int64_t kMatrices = 64;  // in turn, so that their bytes come from memory

void BM_DecodeAwq(benchmark::State& state, at::ScalarType dtype) {
  const int64_t out = state.range(0);
  const int64_t in = state.range(1);
  const auto ints = at::TensorOptions().dtype(at::kInt);
  std::vector<at::Tensor> qweights;
  for (int64_t i = 0; i < kMatrices; ++i) {
    qweights.push_back(at::full({in, out / 8}, 0x3fa95c17 + i, ints));
  }
  const at::Tensor qzeros = at::full({in / kGroupSize, out / 8}, 0x77777777, ints);
  const at::Tensor scales = at::full({in / kGroupSize, out}, 0.01, at::TensorOptions(at::kHalf));
  int64_t bytes = 0;
  size_t next = 0;
  for (auto _ : state) {
    const at::Tensor& qweight = qweights[next++ % kMatrices];
    const auto weight = DecodeAwq(qweight, qzeros, scales, dtype);
    benchmark::DoNotOptimize(weight->const_data_ptr());
    bytes += static_cast<int64_t>(qweight.nbytes() + weight->nbytes());
  }
  state.SetBytesProcessed(bytes);
}

void BM_Memcpy(benchmark::State& state) {
  const int64_t bytes = state.range(0) * state.range(1);
  const auto options = at::TensorOptions().dtype(at::kByte);
  std::vector<at::Tensor> sources;
  for (int64_t i = 0; i < kMatrices; ++i) sources.push_back(at::full({bytes}, i, options));
  size_t next = 0;
  for (auto _ : state) {
    const at::Tensor target = at::empty({bytes}, options);
    const auto* source = static_cast<const char*>(sources[next++ % kMatrices].const_data_ptr());
    auto* destination = static_cast<char*>(target.mutable_data_ptr());
    at::parallel_for(0, bytes, bytes / at::get_num_threads(), [&](int64_t begin, int64_t end) {
      std::memcpy(destination + begin, source + begin, static_cast<size_t>(end - begin));
    });
    benchmark::DoNotOptimize(destination);
  }
  state.SetBytesProcessed(2 * bytes * static_cast<int64_t>(state.iterations()));
}

constexpr std::initializer_list<int64_t> kExpert = {768, 2048};
constexpr std::initializer_list<int64_t> kAttention = {4096, 2048};

BENCHMARK(BM_Memcpy)->Args(kExpert)->Args(kAttention)->UseRealTime();
BENCHMARK_CAPTURE(BM_DecodeAwq, float16, at::kHalf)->Args(kExpert)->Args(kAttention)->UseRealTime();
BENCHMARK_CAPTURE(BM_DecodeAwq, bfloat16, at::kBFloat16)
    ->Args(kExpert)
    ->Args(kAttention)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_DecodeAwq, float32, at::kFloat)
    ->Args(kExpert)
    ->Args(kAttention)
    ->UseRealTime();

}  // namespace
}  // namespace forensics::runner

BENCHMARK_MAIN();
