#include "analyzer/compare.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/analysis/significance.h"
#include "analyzer/analyze_file.h"
#include "analyzer/experiment_files.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/report/html/html_report.h"
#include "analyzer/report/json_reports.h"
#include "analyzer/report/text_reports.h"
#include "analyzer/report/tidy_files.h"
#include "analyzer/report/tidy_table.h"
#include "schema/atomic_file.h"
#include "schema/file_identity.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

namespace fs = std::filesystem;

// Files in memory at the same time are shared among the cores; those after them wait. A large file
// is alone, with all cores for its runs and pairs.
constexpr uint64_t kMostBytesAtOnce = uint64_t{1} << 30;

// Index after the last file, from `begin` on, that can be in memory together.
size_t EndOfBatch(const std::vector<std::string>& files, size_t begin) {
  uint64_t bytes = 0;
  size_t end = begin;
  for (; end < files.size(); ++end) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(files[end], error);
    bytes += error ? 0 : size;
    if (end > begin && bytes > kMostBytesAtOnce) break;
  }
  return end;
}

// Reads and analyses each file; the results are in the files' order.
std::vector<absl::StatusOr<ExperimentReport>> AnalyzeFiles(const std::vector<std::string>& files,
                                                           const StatisticsOptions& statistics) {
  std::vector<absl::StatusOr<ExperimentReport>> reports;
  for (size_t i = 0; i < files.size(); ++i) reports.push_back(absl::UnknownError("not analysed"));
  for (size_t begin = 0; begin < files.size();) {
    const size_t first = begin;
    const size_t end = EndOfBatch(files, begin);
    const auto budget = std::make_shared<StructureBudget>();
    std::vector<std::function<void()>> tasks;
    for (; begin < end; ++begin) {
      tasks.push_back([&, i = begin] { reports[i] = AnalyzeFile(files[i], statistics, budget); });
    }
    RunOnAllCores(tasks);
    // What was too much beside the others may not be by itself.
    for (size_t i = first; i < end && tasks.size() > 1; ++i) {
      if (absl::IsResourceExhausted(reports[i].status())) {
        reports[i] = AnalyzeFile(files[i], statistics, nullptr);
      }
    }
  }
  return reports;
}

// The texts of the files that every run writes.
struct ReportTexts {
  std::string analysis_reports;
  std::string summary;
  std::string page;
};

std::string InOutput(const CompareOptions& options, const char* name) {
  return (fs::path(options.output) / name).string();
}

// Makes and writes them.
absl::Status WriteTexts(const CompareOptions& options, const std::vector<ExperimentReport>& reports,
                        schema::AtomicFileSet& files, ReportTexts& texts) {
  texts.analysis_reports = AnalysisReportsJson(reports);
  texts.summary = SummaryJson(reports);
  absl::Status status;
  RunOnAllCores({[&] { texts.page = HtmlReport(texts.analysis_reports, texts.summary); },
                 [&] {
                   status = files.Write(InOutput(options, schema::kAnalysisReportsFile),
                                        texts.analysis_reports);
                   if (!status.ok()) return;
                   status = files.Write(InOutput(options, schema::kSummaryFile), texts.summary);
                 }});
  if (!status.ok()) return status;
  return files.Write(InOutput(options, schema::kReportPageFile), texts.page);
}

// All or nothing: files of two analyses would stand side by side.
absl::Status WriteReports(const CompareOptions& options,
                          const std::vector<ExperimentReport>& reports, ReportTexts& texts) {
  schema::AtomicFileSet files;
  absl::Status status = WriteTexts(options, reports, files, texts);
  if (status.ok() && !options.tidy.empty()) {
    status = files.Write(options.tidy, TidyTable(reports));
  }
  if (status.ok() && !options.tidy_phases.empty()) {
    status = files.Write(options.tidy_phases, PhaseTable(reports));
  }
  for (const TidyFile& file : TidyFiles()) {
    if (!status.ok() || options.tidy_folder.empty()) break;
    status = files.Write((fs::path(options.tidy_folder) / file.name).string(), file.text(reports));
  }
  return status.ok() ? files.Commit() : status;
}

// Every file that is written, by the flag that asks for it.
std::vector<schema::OutputFile> OutputFiles(const CompareOptions& options) {
  std::vector<schema::OutputFile> files;
  for (const char* name :
       {schema::kAnalysisReportsFile, schema::kSummaryFile, schema::kReportPageFile}) {
    files.push_back({"--output", InOutput(options, name)});
  }
  files.push_back({"--tidy", options.tidy});
  files.push_back({"--tidy_phases", options.tidy_phases});
  for (const TidyFile& file : TidyFiles()) {
    if (options.tidy_folder.empty()) break;
    files.push_back({"--tidy_folder", (fs::path(options.tidy_folder) / file.name).string()});
  }
  return files;
}

std::string Printed(TableFormat format, const ReportTexts& texts,
                    const std::vector<ExperimentReport>& reports) {
  switch (format) {
    case TableFormat::kTable:
      return SummaryTable(reports);
    case TableFormat::kJson:
      return texts.summary;
    case TableFormat::kCsv:
      return PhaseTable(reports, Separator::kComma);
    case TableFormat::kHtml:
      return texts.page;
  }
  return "";
}

}  // namespace

absl::StatusOr<CompareOutcome> Compare(const CompareOptions& options, std::ostream& out,
                                       std::ostream& log) {
  CompareOutcome outcome;
  const ExperimentFiles found = FindExperimentFiles(options.inputs);
  if (!found.lacking.empty()) {
    log << "Skipping " << absl::StrJoin(found.lacking, ", ") << " (not found)\n";
  }
  for (const std::string& note : found.notes) log << note << "\n";
  outcome.failed = found.missing;
  const std::vector<std::string>& files = found.files;
  if (files.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no experiment files in ", absl::StrJoin(options.inputs, ", "),
                     " (of a directory, reference_baseline.json and *_experiment.json "
                     "are taken); the collector writes them (--help has "
                     "examples)"));
  }
  if (absl::Status status = schema::CheckOutputsAreDistinct(OutputFiles(options), files);
      !status.ok()) {
    return status;
  }
  std::vector<ExperimentReport> reports;
  for (absl::StatusOr<ExperimentReport>& report : AnalyzeFiles(files, options.statistics)) {
    if (report.ok()) {
      reports.push_back(*std::move(report));
    } else {
      outcome.failed.emplace_back(report.status().message());
    }
  }
  for (const std::string& failure : outcome.failed) log << failure << "\n";
  if (reports.empty()) {
    return absl::DataLossError(absl::StrCat(
        "none of ", files.size(), " experiment file", files.size() == 1 ? "" : "s",
        " could be analysed; nothing is written, a report in ", options.output, " is as it was"));
  }
  AdjustAcrossExperiments(reports);
  NameApart(reports);
  for (ExperimentReport& report : reports) report.unread_files = outcome.failed;
  outcome.analysed = static_cast<int>(reports.size());
  ReportTexts texts;
  if (absl::Status status = WriteReports(options, reports, texts); !status.ok()) return status;
  out << Printed(options.format, texts, reports);
  if (!out.flush()) {
    return absl::DataLossError("the summary could not be written to the standard output");
  }
  return outcome;
}

}  // namespace forensics::analyzer
