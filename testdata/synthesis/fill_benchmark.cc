// How fast one core computes a synthetic tensor's bytes. Copying them into the page cache, which
// comes after it, goes at 1 to 2 GB/s a core.
//
//   ./bazelw run //testdata/synthesis:fill_benchmark
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "testdata/synthesis/fill.h"

namespace forensics::synthesis {
namespace {

void BM_Fill(benchmark::State& state, const Fill& fill) {
  constexpr int64_t kBytes = 1 << 20;  // as shard_writer.cc fills
  std::string out(kBytes, '\0');
  int64_t begin = 0;
  for (auto _ : state) {
    fill(begin, begin + kBytes, out.data());
    begin += kBytes;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * kBytes);
}

const RandomBits kBits(0, "name");

BENCHMARK_CAPTURE(BM_Fill, awq_levels, UniformLevels(kBits));
BENCHMARK_CAPTURE(BM_Fill, gptq_levels, SymmetricLevels(kBits));
BENCHMARK_CAPTURE(BM_Fill, nf4_codes, Nf4Codes(kBits));
BENCHMARK_CAPTURE(BM_Fill, bell_float16, BellShaped(kBits, Float::kFloat16, 0, 1));
BENCHMARK_CAPTURE(BM_Fill, bell_bfloat16, BellShaped(kBits, Float::kBfloat16, 0, 1));
BENCHMARK_CAPTURE(BM_Fill, scales_float16, SkewedScales(kBits, Float::kFloat16, 1));

}  // namespace
}  // namespace forensics::synthesis

BENCHMARK_MAIN();
