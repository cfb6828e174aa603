// JSON of the real model's size: 30 steps, five layers of 2048 + 512 elements, window 3.
//   bazel run //collector:fuse_benchmark
// Limit beside it: memcpy of as many bytes of text. Figures are bytes of JSON a second.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "collector/fuse.h"
#include "schema/float_text.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::collector {
namespace {

schema::SyntheticRun RealSize(schema::DType dtype) {
  schema::SyntheticRun run;
  run.layers = {1, 2, 4, 12, 47};
  run.num_hidden_layers = 48;
  run.hidden_size = 2048;
  run.key_size = 512;
  run.top_k = 10;
  run.decode_steps = 30;
  run.dtype = dtype;
  return run;
}

std::string Folder() { return "/var/tmp/fuse_benchmark." + std::to_string(getpid()); }

// Shards to a file on disk, all included: reading, checking, text, schema, fsync.
void BM_Fuse(benchmark::State& state) {
  const std::string results = Folder() + "/results";
  schema::SyntheticRun run = RealSize(static_cast<schema::DType>(state.range(0)));
  for (const char* hardware : {"A100-80GB", "H100", "H200", "B200"}) {
    run.hardware = hardware;
    if (!WriteSyntheticRun(run, results).ok()) state.SkipWithError("cannot write");
  }
  int64_t bytes = 0;
  for (auto _ : state) {
    const auto report =
        Fuse({{{results}, {}, false}, Folder() + "/experiments", "2025-01-01 00:00:00"}, nullptr);
    if (!report.ok() || report->files.size() != 1) state.SkipWithError("cannot fuse");
    bytes += report->files.front().bytes;
  }
  state.SetBytesProcessed(bytes);
  std::filesystem::remove_all(Folder());
}
BENCHMARK(BM_Fuse)->Arg(schema::FLOAT32)->Arg(schema::BFLOAT16)->Unit(benchmark::kMillisecond);

// Text alone: every position once.
void BM_AppendElements(benchmark::State& state) {
  const schema::Repetition repetition =
      MakeRepetition(RealSize(static_cast<schema::DType>(state.range(0))), 0);
  std::string text;
  int64_t bytes = 0;
  for (auto _ : state) {
    for (const schema::PositionRecord& position : repetition.positions) {
      for (const schema::LayerSignals& layer : position.layers()) {
        text.clear();
        if (!schema::AppendElements(layer.hidden_state(), text).ok()) state.SkipWithError("text");
        bytes += static_cast<int64_t>(text.size());
      }
    }
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(BM_AppendElements)->Arg(schema::FLOAT32)->Arg(schema::BFLOAT16);

void BM_LimitMemcpy(benchmark::State& state) {
  const std::string bytes(16 << 20, 'x');
  std::string copy(bytes.size(), 'y');
  for (auto _ : state) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * bytes.size()));
}
BENCHMARK(BM_LimitMemcpy);

}  // namespace
}  // namespace forensics::collector
