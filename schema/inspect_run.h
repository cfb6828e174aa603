// Run directories and results folders for human eyes.
#ifndef SCHEMA_INSPECT_RUN_H_
#define SCHEMA_INSPECT_RUN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace forensics::schema {

// Whether `directory` holds shards or a manifest.
bool IsRunDirectory(const std::string& directory);

// Finished or not, the manifest's main facts, the repetitions, the files. An error if the manifest
// is damaged.
absl::StatusOr<std::string> InspectRun(const std::string& directory);

struct ResultsInspection {
  std::string table;                  // one row a run, finished or not
  std::vector<std::string> problems;  // damaged manifests
};

// NotFound if there is no run below `results`.
absl::StatusOr<ResultsInspection> InspectResults(const std::string& results);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_RUN_H_
