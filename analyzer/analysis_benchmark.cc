// How fast an experiment in memory is compared, judged and written, each beside what bounds it or
// what does the same by simpler means. Bytes of vectors are those of both in float32; bytes of an
// analysis those of the JSON that it was read from; bytes of reports those of their text. Time is
// that of all cores together, so that figures are those of one core.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/comparison/bit_changes.h"
#include "analyzer/comparison/compensated_sum.h"
#include "analyzer/comparison/run_comparison.h"
#include "analyzer/comparison/squared_distances.h"
#include "analyzer/comparison/vector_difference.h"
#include "analyzer/comparison/vector_sums.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/report/html/html_report.h"
#include "analyzer/report/json_reports.h"
#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/resampling.h"
#include "analyzer/testing/large_experiment.h"
#include "rapidjson/document.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kHidden = 2048;
constexpr size_t kPositions = 32;

void SetBytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
}

std::vector<float> Gaussian(unsigned seed, const std::vector<float>& around, float deviation) {
  std::mt19937 random(seed);
  std::normal_distribution<float> gauss(0, deviation);
  std::vector<float> values = around;
  for (float& value : values) value += gauss(random);
  return values;
}

// Two vectors that differ in nearly every element.
struct Pair {
  std::vector<float> a = Gaussian(1, std::vector<float>(kHidden), 1);
  std::vector<float> b = Gaussian(2, a, 1e-3f);
};

const Pair& Vectors() {
  static const Pair pair;
  return pair;
}

void BM_Difference(benchmark::State& state) {
  const auto& [a, b] = Vectors();
  for (auto _ : state) benchmark::DoNotOptimize(Difference(a, b).l2);
  SetBytes(state, 2 * kHidden * sizeof(float));
}
BENCHMARK(BM_Difference);

// The same figures, one element after the other.
void BM_DifferenceByElement(benchmark::State& state) {
  const auto& [a, b] = Vectors();
  for (auto _ : state) {
    BitChanges bits;
    CompensatedSum squares_a, squares_b, squares_delta, products;
    for (size_t i = 0; i < kHidden; ++i) {
      const double x = a[i], y = b[i];
      bits.Add(a[i], b[i]);
      squares_a.Add(x * x);
      squares_b.Add(y * y);
      squares_delta.Add((x - y) * (x - y));
      products.Add(x * y);
    }
    benchmark::DoNotOptimize(bits.changed);
    benchmark::DoNotOptimize(squares_a.Total() + squares_b.Total() + squares_delta.Total() +
                             products.Total());
  }
  SetBytes(state, 2 * kHidden * sizeof(float));
}
BENCHMARK(BM_DifferenceByElement);

void BM_SquaredDistance(benchmark::State& state) {
  const auto& [a, b] = Vectors();
  for (auto _ : state) benchmark::DoNotOptimize(SquaredDistance(a, b));
  SetBytes(state, 2 * kHidden * sizeof(float));
}
BENCHMARK(BM_SquaredDistance);

// Of all pairs of 32 vectors: bytes are those of the pairs.
void BM_SquaredDistances(benchmark::State& state) {
  constexpr size_t kVectors = 32;
  const std::vector<std::vector<float>> copies(kVectors, Vectors().a);
  const std::vector<absl::Span<const float>> vectors(copies.begin(), copies.end());
  std::vector<SquaredDistances::Pair> pairs;
  for (size_t i = 0; i < kVectors; ++i) {
    for (size_t j = 0; j < i; ++j) pairs.push_back({i, j});
  }
  SquaredDistances distances;
  for (auto _ : state) benchmark::DoNotOptimize(distances.Of(vectors, pairs).data());
  SetBytes(state, pairs.size() * 2 * kHidden * sizeof(float));
}
BENCHMARK(BM_SquaredDistances);

// The limit: both are looked at, and nothing else.
void BM_VectorsReadAlone(benchmark::State& state) {
  const std::vector<float> a = Vectors().a, b = Vectors().a;
  for (auto _ : state) {
    benchmark::DoNotOptimize(std::memcmp(a.data(), b.data(), kHidden * sizeof(float)));
  }
  SetBytes(state, 2 * kHidden * sizeof(float));
}
BENCHMARK(BM_VectorsReadAlone);

std::vector<double> Distances() {
  const std::vector<float> values = Gaussian(3, std::vector<float>(kPositions, 1), 0.1f);
  return {values.begin(), values.end()};
}

// Items are resampled series.
void BM_MeanInterval(benchmark::State& state) {
  const std::vector<double> distances = Distances();
  const Resampling resampling;
  for (auto _ : state) benchmark::DoNotOptimize(MeanInterval(distances, resampling));
  state.SetItemsProcessed(resampling.resamples * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(BM_MeanInterval);

// One series after the other, without drawing what they are made of.
void BM_SeriesOneByOne(benchmark::State& state) {
  const std::vector<double> distances = Distances();
  const Autoregression fit = FitAutoregression(distances);
  const std::vector<double> innovations = Innovations(distances, fit);
  for (auto _ : state) {
    std::vector<double> series = innovations;
    MakeSeries(fit, series);
    benchmark::DoNotOptimize(FitAutoregression(series).standard_error);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(BM_SeriesOneByOne);

// Six configurations on two hardware, a run of real size each.
class Files {
 public:
  Files() {
    const char* folder = std::getenv("TMPDIR");
    path_ = absl::StrCat(folder == nullptr ? "/tmp" : folder, "/analysis_benchmark");
    LargeExperiment shape;
    shape.configurations = 3;
    shape.hardware = 2;
    size_ = WriteLargeExperiment(shape, path_);
  }
  ~Files() { std::remove(path_.c_str()); }

  absl::StatusOr<Experiment> Read() const { return ReadExperiment(path_); }
  size_t size() const { return size_; }

 private:
  std::string path_;
  size_t size_ = 0;
};

const Files& File() {
  static const Files file;
  return file;
}

void BM_CompareRuns(benchmark::State& state) {
  const absl::StatusOr<Experiment> experiment = File().Read();
  if (!experiment.ok()) return state.SkipWithError(experiment.status().ToString().c_str());
  std::vector<const RunRecord*> stored;
  for (const RunRecord& run : experiment->runs) {
    if (run.stored()) stored.push_back(&run);
  }
  std::set<SignalId> signals;
  for (const auto& [signal, vectors] : stored[0]->vectors) signals.insert(signal);
  size_t elements = 0;
  for (auto _ : state) {
    const RunComparison comparison = CompareRuns(*stored[0], *stored[1], signals, false);
    elements = 0;
    for (const auto& [signal, compared] : comparison.signals) {
      elements += static_cast<size_t>(compared.in(Phase::kAll).bits.elements);
    }
  }
  SetBytes(state, 2 * elements * sizeof(float));
}
BENCHMARK(BM_CompareRuns)->Unit(benchmark::kMillisecond);

// All but reading and writing.
void BM_Analyze(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    absl::StatusOr<Experiment> experiment = File().Read();
    if (!experiment.ok()) return state.SkipWithError(experiment.status().ToString().c_str());
    state.ResumeTiming();
    const ExperimentReport report = Analyze(*std::move(experiment));
    benchmark::DoNotOptimize(report.summary.baseline_l2);
  }
  SetBytes(state, File().size());
}
BENCHMARK(BM_Analyze)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

const std::vector<ExperimentReport>& Reports() {
  static const auto* const kReports = [] {
    auto* reports = new std::vector<ExperimentReport>;
    reports->push_back(Analyze(*File().Read()));
    return reports;
  }();
  return *kReports;
}

void BM_AnalysisReportsJson(benchmark::State& state) {
  size_t size = 0;
  Reports();
  for (auto _ : state) size = AnalysisReportsJson(Reports()).size();
  SetBytes(state, size);
}
BENCHMARK(BM_AnalysisReportsJson)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

// RapidJSON writes the same text from its own tree; one core.
void BM_TextByRapidJson(benchmark::State& state) {
  const std::string text = AnalysisReportsJson(Reports());
  rapidjson::Document document;
  document.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
  for (auto _ : state) {
    rapidjson::StringBuffer buffer;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    document.Accept(writer);
    benchmark::DoNotOptimize(buffer.GetString());
  }
  SetBytes(state, text.size());
}
BENCHMARK(BM_TextByRapidJson)->Unit(benchmark::kMillisecond);

void BM_HtmlReport(benchmark::State& state) {
  const std::string text = AnalysisReportsJson(Reports()), summary = SummaryJson(Reports());
  for (auto _ : state) benchmark::DoNotOptimize(HtmlReport(text, summary).size());
  SetBytes(state, text.size());
}
BENCHMARK(BM_HtmlReport)->Unit(benchmark::kMillisecond);

// The limit of both: the text is copied.
void BM_TextCopied(benchmark::State& state) {
  const std::string text = AnalysisReportsJson(Reports());
  std::vector<char> copy(text.size());
  for (auto _ : state) {
    std::memcpy(copy.data(), text.data(), text.size());
    benchmark::ClobberMemory();
  }
  SetBytes(state, text.size());
}
BENCHMARK(BM_TextCopied)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forensics::analyzer
