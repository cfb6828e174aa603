// The compare command: experiment files in, reports out.
#ifndef ANALYZER_COMPARE_H_
#define ANALYZER_COMPARE_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/analysis/uncertainty.h"

namespace forensics::analyzer {

// Of what is printed. kCsv: the table of phases; kHtml: the page.
enum class TableFormat { kTable, kJson, kCsv, kHtml };

struct CompareOptions {
  std::vector<std::string> inputs;  // experiment files, or directories that hold them
  std::string output;               // directory of the reports
  std::string tidy;                 // file of the tidy table; empty: none
  TableFormat format = TableFormat::kTable;
  std::string tidy_phases = {};  // file of the table of phases; empty: none
  std::string tidy_folder = {};  // directory of all tables (tidy_files.h); empty: none
  StatisticsOptions statistics = {};
};

// What came of it beside the reports.
struct CompareOutcome {
  int analysed = 0;
  // Files that were asked for and are damaged or missing: messages that name file, place and cause.
  std::vector<std::string> failed;
};

// Analyses all files, on several cores, and writes <output>/analysis_reports.json, summary.json and
// report.html; the summary goes to `out` as a table, as JSON, as the table of phases or as the
// page, what is skipped or damaged to `log`. Of a directory, the reference's file, the plan's eight
// and any other *_experiment.json are taken, and those of the first nine that it lacks are named as
// skipped. A file that is named twice is taken once, with a note. Damaged files do not stop the
// others. Fails if there is nothing to analyse, and then leaves an older report as it is, if an
// output is an input or another output (a usage error), or if the reports or the summary cannot be
// written; no file is replaced before all are written.
absl::StatusOr<CompareOutcome> Compare(const CompareOptions& options, std::ostream& out,
                                       std::ostream& log);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARE_H_
