// The looks of attributions.
#ifndef ANALYZER_ATTRIBUTION_ATTRIBUTION_REPORT_H_
#define ANALYZER_ATTRIBUTION_ATTRIBUTION_REPORT_H_

#include <string>
#include <vector>

#include "analyzer/attribution/attribution.h"

namespace forensics::analyzer {

struct AttributionReport {
  std::vector<Attribution> attributions;
  std::vector<std::string> library_files;
  bool incomplete = false;                  // Library::incomplete
  std::vector<std::string> contradictions;  // within the library
  LeaveOneOut leave_one_out;
};

// attribution.json; docs/file_formats.md has the keys.
std::string AttributionJson(const AttributionReport& report);

// For each unknown run the ranked configurations, the probabilities and the verdict; at the end how
// well the library attributes its own configurations.
std::string AttributionTable(const AttributionReport& report);

// RFC 4180, under a heading: a row for each unknown run and known configuration.
std::string AttributionCsv(const AttributionReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_ATTRIBUTION_REPORT_H_
