// Multiply-accumulates a second of tensor-core arithmetic on one core of this CPU, beside the
// scalar reference and the limit: vector operations that a multiply-accumulate takes in the inner
// loop.
#include <vector>

#include "benchmark/benchmark.h"
#include "runner/ops/tensor_core/product.h"

namespace forensics::runner {
namespace {

void BM_Product(benchmark::State& state, ChainTileFunction (*kernel)(int), TensorCore core,
                const char* needs) {
  __builtin_cpu_init();
  const bool has =
      needs[8] == '4' ? __builtin_cpu_supports("x86-64-v4") : __builtin_cpu_supports("x86-64-v3");
  if (!has) {
    state.SkipWithError("this CPU lacks the instructions");
    return;
  }
  const int64_t rows = 64, columns = 256, depth = kernel == nullptr ? 256 : 2048;
  std::vector<uint16_t> a(rows * depth), b(columns * depth);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<uint16_t>(0x3f00 + i * 37 % 256);
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<uint16_t>(0xbf00 + i * 41 % 256);
  std::vector<float> c(rows * columns);
  const PackedColumns packed(core, InputFormat::kBfloat16, b.data(), columns, depth, depth);
  const ChainProduct product(core, InputFormat::kBfloat16,
                             kernel == nullptr ? nullptr : kernel(core.products));
  for (auto _ : state) {
    product.Run(a.data(), depth, rows, packed, 0, columns, 0, depth, c.data(), columns);
    benchmark::DoNotOptimize(c.data());
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(rows * columns * depth),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK_CAPTURE(BM_Product, h100_avx512, ChainTileAvx512, kH100TensorCore, "x86-64-v4");
BENCHMARK_CAPTURE(BM_Product, h100_avx2, ChainTileAvx2, kH100TensorCore, "x86-64-v3");
BENCHMARK_CAPTURE(BM_Product, a100_avx512, ChainTileAvx512, kAmpereTensorCore, "x86-64-v4");
BENCHMARK_CAPTURE(BM_Product, a100_avx2, ChainTileAvx2, kAmpereTensorCore, "x86-64-v3");
BENCHMARK_CAPTURE(BM_Product, h100_reference, nullptr, kH100TensorCore, "x86-64-v3");

}  // namespace
}  // namespace forensics::runner
