// How fast experiment JSON is read, beside what bounds it: memory and fast_float (which is
// libstdc++'s std::from_chars). Bytes are those of the JSON text, on one core.
#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/byte_stream.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/float_parser.h"
#include "analyzer/testing/large_experiment.h"

namespace forensics::analyzer {
namespace {

// A file of real size (hidden 2048, keys 512, five layers, 30 steps), removed at exit.
class File {
 public:
  explicit File(bool repeat_windows) {
    const char* folder = std::getenv("TMPDIR");
    path_ = absl::StrCat(folder == nullptr ? "/tmp" : folder, "/reader_benchmark_", repeat_windows);
    LargeExperiment shape;
    shape.repeat_windows = repeat_windows;
    size_ = WriteLargeExperiment(shape, path_);
  }
  ~File() { std::remove(path_.c_str()); }

  const std::string& path() const { return path_; }
  size_t size() const { return size_; }

  std::string Text() const {
    std::ifstream stream(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }

 private:
  std::string path_;
  size_t size_ = 0;
};

const File& Repeating() {
  static const File file(true);
  return file;
}

const File& WithoutRepeats() {
  static const File file(false);
  return file;
}

void SetBytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
}

void ReadFile(benchmark::State& state, const File& file) {
  for (auto _ : state) {
    absl::StatusOr<Experiment> experiment = ReadExperiment(file.path());
    if (!experiment.ok()) return state.SkipWithError(experiment.status().ToString().c_str());
    benchmark::DoNotOptimize(experiment->runs.data());
  }
  SetBytes(state, file.size());
}

void BM_ReadExperiment(benchmark::State& state) { ReadFile(state, Repeating()); }
BENCHMARK(BM_ReadExperiment)->Unit(benchmark::kMillisecond);

void BM_ReadExperimentWithoutRepeatedPositions(benchmark::State& state) {
  ReadFile(state, WithoutRepeats());
}
BENCHMARK(BM_ReadExperimentWithoutRepeatedPositions)->Unit(benchmark::kMillisecond);

// The numbers of the same file, parsed from memory by another parser.
template <typename Parse>
void ParseNumbers(benchmark::State& state, Parse parse) {
  const std::string text = std::string(ByteStream::kReadBehind, ' ') + WithoutRepeats().Text() +
                           std::string(ByteStream::kReadAhead, '\0');
  const char* const begin = text.data() + ByteStream::kReadBehind;
  const char* const end = text.data() + text.size() - ByteStream::kReadAhead;
  for (auto _ : state) {
    float sum = 0;
    for (const char* p = begin; p < end;) {
      float value;
      const char* const next = parse(p, end, &value);
      sum += value;
      p = next + 1;
    }
    benchmark::DoNotOptimize(sum);
  }
  SetBytes(state, text.size());
}

void BM_Numbers(benchmark::State& state) {
  ParseNumbers(state, [](const char* begin, const char*, float* value) {
    const char* const end = ParseFloat32Fast(begin, value);
    return end == nullptr ? begin : end;
  });
}
BENCHMARK(BM_Numbers)->Unit(benchmark::kMillisecond);

void BM_NumbersByFastFloat(benchmark::State& state) {
  ParseNumbers(state, [](const char* begin, const char* end, float* value) {
    return std::from_chars(begin, end, *value).ptr;
  });
}
BENCHMARK(BM_NumbersByFastFloat)->Unit(benchmark::kMillisecond);

void BM_Memchr(benchmark::State& state) {
  const std::string text = WithoutRepeats().Text();
  for (auto _ : state) benchmark::DoNotOptimize(std::memchr(text.data(), '\1', text.size()));
  SetBytes(state, text.size());
}
BENCHMARK(BM_Memchr)->Unit(benchmark::kMillisecond);

void BM_Memcpy(benchmark::State& state) {
  const std::string text = WithoutRepeats().Text();
  std::vector<char> copy(text.size());
  for (auto _ : state) {
    std::memcpy(copy.data(), text.data(), text.size());
    benchmark::ClobberMemory();
  }
  SetBytes(state, text.size());
}
BENCHMARK(BM_Memcpy)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forensics::analyzer
