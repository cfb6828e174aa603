// One experiment file from bytes to figures.
#ifndef ANALYZER_ANALYZE_FILE_H_
#define ANALYZER_ANALYZE_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "analyzer/analysis/experiment_report.h"
#include "analyzer/analysis/uncertainty.h"
#include "analyzer/reading/structure_budget.h"

namespace forensics::analyzer {

// Reads and analyses `file`, which takes its memory from `budget`; null: it has one of its own.
absl::StatusOr<ExperimentReport> AnalyzeFile(const std::string& file,
                                             const StatisticsOptions& statistics,
                                             std::shared_ptr<StructureBudget> budget);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYZE_FILE_H_
