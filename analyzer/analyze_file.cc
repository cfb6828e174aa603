#include "analyzer/analyze_file.h"

#include <utility>

#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/analysis/extent.h"
#include "analyzer/analysis/gaps.h"
#include "analyzer/comparison/run_difference.h"
#include "analyzer/reading/experiment_reader.h"

namespace forensics::analyzer {

absl::StatusOr<ExperimentReport> AnalyzeFile(const std::string& file,
                                             const StatisticsOptions& statistics,
                                             std::shared_ptr<StructureBudget> budget) {
  ReadOptions options;
  options.budget = std::move(budget);
  options.before_adding = [](const Experiment& so_far, RunRecord& run) {
    // Without the list of layers the headline is not known before all runs are.
    if (!so_far.layers.empty()) ReleaseIfDiffering(HeadlineSignal(so_far), so_far, run);
  };
  absl::StatusOr<Experiment> experiment = ReadExperiment(file, options);
  if (!experiment.ok()) return experiment.status();
  if (absl::Status status = CheckExtent(*experiment); !status.ok()) return status;
  return Analyze(*std::move(experiment), statistics);
}

}  // namespace forensics::analyzer
