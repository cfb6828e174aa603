// Whatever can be read can be analysed and written: each file of a report, and JSON is JSON.
// Half of the inputs are sound ones with one part changed (ChangeJson).
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/analysis/significance.h"
#include "analyzer/analyze_file.h"
#include "analyzer/report/html/html_report.h"
#include "analyzer/report/json_reports.h"
#include "analyzer/report/text_reports.h"
#include "analyzer/report/tidy_files.h"
#include "analyzer/report/tidy_table.h"
#include "tools/fuzzing/change_json.h"
#include "tools/fuzzing/fuzz_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using forensics::analyzer::ExperimentReport;
using forensics::fuzzing::Expect;
using forensics::fuzzing::ExpectJson;
using forensics::fuzzing::InputFile;

void ExpectIdenticalIsWithoutDivergence(const ExperimentReport& report) {
  for (const forensics::analyzer::ConfigurationPair* pair : report.PairsWithin()) {
    if (!pair->identical()) continue;
    Expect(!pair->comparison->FirstDivergence().has_value(), "identical is without a divergence");
    Expect(pair->MeanL2(report.headline).value_or(0) == 0, "identical is without a distance");
  }
}

void WriteAll(const std::vector<ExperimentReport>& reports) {
  const std::string analysis_reports = AnalysisReportsJson(reports);
  const std::string summary = SummaryJson(reports);
  ExpectJson(analysis_reports);
  ExpectJson(summary);
  forensics::analyzer::HtmlReport(analysis_reports, summary);
  SummaryTable(reports);
  TidyTable(reports);
  PhaseTable(reports);
  for (const forensics::analyzer::TidyFile& file : forensics::analyzer::TidyFiles()) {
    file.text(reports);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  if (seed % 2 == 1) return LLVMFuzzerMutate(data, size, max_size);
  const std::optional<std::string> changed =
      forensics::fuzzing::ChangeJson({reinterpret_cast<const char*>(data), size}, seed);
  if (!changed.has_value() || changed->size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::memcpy(data, changed->data(), changed->size());
  return changed->size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const InputFile file({reinterpret_cast<const char*>(data), size});
  forensics::analyzer::StatisticsOptions statistics;
  statistics.resampling.resamples = 19;
  absl::StatusOr<ExperimentReport> report =
      forensics::analyzer::AnalyzeFile(file.path(), statistics, nullptr);
  if (!report.ok()) return 0;
  ExpectIdenticalIsWithoutDivergence(*report);
  std::vector<ExperimentReport> reports;
  reports.push_back(*std::move(report));
  AdjustAcrossExperiments(reports);
  WriteAll(reports);
  return 0;
}
