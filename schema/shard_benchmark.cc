// Shards of the real model's size: 32 positions, five layers of 2048 + 512 bfloat16 elements.
//   bazel run //schema:shard_benchmark
// Limits beside them: plain write + fsync of as many bytes, SHA-256 of them, memcpy.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "schema/digest.h"
#include "schema/shard.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::schema {
namespace {

const Repetition& RealSize() {
  static const auto* repetition = [] {
    SyntheticRun run;
    run.layers = {1, 2, 4, 12, 47};
    run.num_hidden_layers = 48;
    run.hidden_size = 2048;
    run.key_size = 512;
    run.top_k = 10;
    run.decode_steps = 30;
    run.dtype = BFLOAT16;
    return new Repetition(MakeRepetition(run, 0));
  }();
  return *repetition;
}

// On the disk, not in a tmpfs.
std::string Path() { return "/var/tmp/shard_benchmark." + std::to_string(getpid()); }

size_t ShardBytes() {
  static const size_t bytes = [] {
    if (!WriteShard(Path(), RealSize()).ok()) return size_t{0};
    const size_t size = std::filesystem::file_size(Path());
    std::filesystem::remove(Path());
    return size;
  }();
  return bytes;
}

void SetBytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * ShardBytes()));
}

void BM_WriteShard(benchmark::State& state) {
  for (auto _ : state) {
    if (!WriteShard(Path(), RealSize()).ok()) state.SkipWithError("cannot write");
  }
  SetBytes(state);
  std::filesystem::remove(Path());
}
BENCHMARK(BM_WriteShard)->UseRealTime();

void BM_LimitPlainWriteAndSync(benchmark::State& state) {
  const std::string bytes(ShardBytes(), 'x');
  for (auto _ : state) {
    const int fd = open(Path().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (write(fd, bytes.data(), bytes.size()) < 0 || fsync(fd) != 0) {
      state.SkipWithError("cannot write");
    }
    close(fd);
  }
  SetBytes(state);
  std::filesystem::remove(Path());
}
BENCHMARK(BM_LimitPlainWriteAndSync)->UseRealTime();

void BM_ReadShard(benchmark::State& state) {
  if (!WriteShard(Path(), RealSize()).ok()) state.SkipWithError("cannot write");
  for (auto _ : state) {
    benchmark::DoNotOptimize(ReadShard(Path()));
  }
  SetBytes(state);
  std::filesystem::remove(Path());
}
BENCHMARK(BM_ReadShard);

void BM_LimitSha256(benchmark::State& state) {
  const std::string bytes(ShardBytes(), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(Sha256Bytes(bytes));
  SetBytes(state);
}
BENCHMARK(BM_LimitSha256);

void BM_LimitMemcpy(benchmark::State& state) {
  const std::string bytes(ShardBytes(), 'x');
  std::string copy(bytes.size(), 'y');
  for (auto _ : state) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
    benchmark::ClobberMemory();
  }
  SetBytes(state);
}
BENCHMARK(BM_LimitMemcpy);

}  // namespace
}  // namespace forensics::schema
