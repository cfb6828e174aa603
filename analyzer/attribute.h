// The attribute command: an unlabelled run and known ones in, the ranking out.
#ifndef ANALYZER_ATTRIBUTE_H_
#define ANALYZER_ATTRIBUTE_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/attribution/attribution_report.h"

namespace forensics::analyzer {

enum class AttributionFormat { kTable, kJson, kCsv };

struct AttributeOptions {
  std::string unknown;               // an experiment file
  std::string config_id;             // of `unknown`; empty: each of its configurations
  std::vector<std::string> library;  // experiment files, or directories that hold them
  std::string output;                // directory of attribution.json; empty: none is written
  AttributionFormat format = AttributionFormat::kTable;
};

struct AttributeOutcome {
  AttributionReport report;
  // Library files that are damaged or missing: messages that name file, place and cause.
  std::vector<std::string> failed;

  bool complete() const;  // nothing failed, and each unknown run had something to be compared with
};

// Holds the unknown runs in memory and reads the library's files one after the other. Damaged
// library files are named on `log` and do not stop the others. Fails if the unknown cannot be read,
// if no library file can, or if the output would take the place of one of them.
absl::StatusOr<AttributeOutcome> AttributeFiles(const AttributeOptions& options, std::ostream& log);

// AttributeFiles, and the report in `options.format` on `out` and as a file in `options.output`.
// Fails as well if either cannot be written.
absl::StatusOr<AttributeOutcome> AttributeUnknown(const AttributeOptions& options,
                                                  std::ostream& out, std::ostream& log);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTE_H_
