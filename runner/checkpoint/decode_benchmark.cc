// Speed of the 4-bit decoders against that of memcpy, the limit that memory sets, in the same run.
// Bytes are those read and written; results are new tensors, so the kernel's page faults are part
// of both. The first size is that of an expert of Qwen3-30B-A3B, which has 18,432 of these
// matrices.
//
//   ./bazelw run //runner/checkpoint:decode_benchmark
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"

namespace forensics::runner {
namespace {

constexpr int64_t kGroupSize = 128;
constexpr int64_t kMatrices = 64;  // in turn, so that their bytes come from memory

// Decodes `kMatrices` tensors in turn; `decode` takes one of them.
template <typename Decode>
void Run(benchmark::State& state, const std::vector<at::Tensor>& packed, const Decode& decode) {
  int64_t bytes = 0;
  size_t next = 0;
  for (auto _ : state) {
    const at::Tensor& source = packed[next++ % packed.size()];
    const absl::StatusOr<at::Tensor> weight = decode(source);
    benchmark::DoNotOptimize(weight->const_data_ptr());
    bytes += static_cast<int64_t>(source.nbytes() + weight->nbytes());
  }
  state.SetBytesProcessed(bytes);
}

std::vector<at::Tensor> Packed(std::vector<int64_t> shape, int64_t value, at::ScalarType dtype) {
  std::vector<at::Tensor> tensors;
  for (int64_t i = 0; i < kMatrices; ++i) {
    tensors.push_back(at::full(shape, value + i, at::TensorOptions().dtype(dtype)));
  }
  return tensors;
}

void BM_DecodeAwq(benchmark::State& state, at::ScalarType dtype) {
  const int64_t out = state.range(0);
  const int64_t in = state.range(1);
  const at::Tensor qzeros = at::full({in / kGroupSize, out / 8}, 0x77777777, at::kInt);
  const at::Tensor scales = at::full({in / kGroupSize, out}, 0.01, at::kHalf);
  Run(state, Packed({in, out / 8}, 0x3fa95c17, at::kInt),
      [&](const at::Tensor& qweight) { return DecodeAwq(qweight, qzeros, scales, dtype); });
}

void BM_DecodeGptq(benchmark::State& state, at::ScalarType dtype) {
  const int64_t out = state.range(0);
  const int64_t in = state.range(1);
  GptqTensors tensors = {{},
                         at::full({in / kGroupSize, out / 8}, 0x77777777, at::kInt),
                         at::full({in / kGroupSize, out}, 0.01, at::kHalf),
                         at::full({in}, 0, at::kInt)};
  auto* groups = tensors.g_idx.mutable_data_ptr<int32_t>();
  for (int64_t i = 0; i < in; ++i) groups[i] = static_cast<int32_t>(i / kGroupSize);
  Run(state, Packed({in / 8, out}, 0x3fa95c17, at::kInt), [&](const at::Tensor& qweight) {
    tensors.qweight = qweight;
    return DecodeGptq(tensors, 1, dtype);
  });
}

void BM_DecodeNf4(benchmark::State& state, at::ScalarType dtype) {
  const Nf4Layout layout = {state.range(0), state.range(1), 64, Nf4Layout::Nested{256, 0.2f}};
  Nf4Tensors tensors = {{},
                        at::full({layout.blocks()}, 77, at::kByte),
                        at::full({16}, 0.5, at::kFloat),
                        at::full({layout.nested_blocks()}, 0.1, at::kFloat),
                        at::full({256}, 0.3, at::kFloat)};
  Run(state, Packed({layout.bytes(), 1}, 0x17, at::kByte), [&](const at::Tensor& weight) {
    tensors.weight = weight;
    return DecodeNf4(tensors, layout, dtype);
  });
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

#define BENCHMARK_DECODER(decoder)                                                                \
  BENCHMARK_CAPTURE(decoder, float16, at::kHalf)->Args(kExpert)->Args(kAttention)->UseRealTime(); \
  BENCHMARK_CAPTURE(decoder, bfloat16, at::kBFloat16)                                             \
      ->Args(kExpert)                                                                             \
      ->Args(kAttention)                                                                          \
      ->UseRealTime();                                                                            \
  BENCHMARK_CAPTURE(decoder, float32, at::kFloat)->Args(kExpert)->Args(kAttention)->UseRealTime()

BENCHMARK_DECODER(BM_DecodeAwq);
BENCHMARK_DECODER(BM_DecodeGptq);
BENCHMARK_DECODER(BM_DecodeNf4);

}  // namespace
}  // namespace forensics::runner

BENCHMARK_MAIN();
