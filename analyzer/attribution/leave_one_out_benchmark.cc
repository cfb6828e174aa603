// What leave-one-out of one experiment costs beside reading it: all pairs' distances, and the two
// questions that are asked from them. The argument: configurations, on two hardware. Time is that
// of all cores together.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "analyzer/attribution/leave_one_out.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/testing/large_experiment.h"

namespace forensics::analyzer {
namespace {

absl::StatusOr<Experiment> ReadLarge(benchmark::State& state) {
  const char* folder = std::getenv("TMPDIR");
  const std::string path =
      absl::StrCat(folder == nullptr ? "/tmp" : folder, "/leave_one_out_benchmark");
  LargeExperiment shape;
  shape.configurations = static_cast<int>(state.range(0)) / 2;
  shape.hardware = 2;
  WriteLargeExperiment(shape, path);
  absl::StatusOr<Experiment> experiment = ReadExperiment(path);
  std::remove(path.c_str());
  return experiment;
}

struct Known {
  std::vector<ComparedRun> runs;
  std::vector<Labels> labels;
};

Known KnownOf(const Experiment& experiment) {
  std::map<std::string, const Configuration*> configurations;
  for (const Configuration& one : experiment.configurations) configurations[one.config_id] = &one;
  Known known;
  for (const RunRecord& run : experiment.runs) {
    const Configuration& configuration = *configurations.at(run.config_id);
    known.runs.push_back({&configuration, &run});
    known.labels.push_back({ScalarText(configuration.variable_value), configuration.hardware});
  }
  return known;
}

void SetPeak(benchmark::State& state) {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

void BM_Distances(benchmark::State& state) {
  const absl::StatusOr<Experiment> experiment = ReadLarge(state);
  if (!experiment.ok()) return state.SkipWithError(experiment.status().ToString().c_str());
  const Known known = KnownOf(*experiment);
  for (auto _ : state) benchmark::DoNotOptimize(DistancesBetween(known.runs));
  SetPeak(state);
}
BENCHMARK(BM_Distances)->Arg(20)->Arg(100)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

// Distances included.
void BM_LeaveEachOut(benchmark::State& state) {
  const absl::StatusOr<Experiment> experiment = ReadLarge(state);
  if (!experiment.ok()) return state.SkipWithError(experiment.status().ToString().c_str());
  const Known known = KnownOf(*experiment);
  for (auto _ : state) benchmark::DoNotOptimize(LeaveEachOut(known.runs, known.labels));
  SetPeak(state);
}
BENCHMARK(BM_LeaveEachOut)
    ->Arg(20)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime();

}  // namespace
}  // namespace forensics::analyzer
