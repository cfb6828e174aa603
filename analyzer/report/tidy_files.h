// Every figure of the reports as tab-separated tables with headings: the files of --tidy_folder.
// docs/file_formats.md has their columns.
#ifndef ANALYZER_REPORT_TIDY_FILES_H_
#define ANALYZER_REPORT_TIDY_FILES_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

struct TidyFile {
  const char* name;
  std::string (*text)(const std::vector<ExperimentReport>& reports);
};

const std::vector<TidyFile>& TidyFiles();

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_TIDY_FILES_H_
