// Run directories and results folders for human eyes.
#ifndef SCHEMA_INSPECT_RUN_H_
#define SCHEMA_INSPECT_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "schema/inspection.h"

namespace forensics::schema {

// Whether `directory` holds shards or a manifest.
bool IsRunDirectory(const std::string& directory);

// Finished or not, the manifest's main facts, the repetitions, the files; problems are stored
// shards that are missing, damaged or another run's. An error if the manifest is damaged.
absl::StatusOr<Inspection> InspectRun(const std::string& directory);

// A table, one row a run, finished or not; problems are those of each run, damaged manifests and
// folders that cannot be read. NotFound if there is no run below `results`.
absl::StatusOr<Inspection> InspectResults(const std::string& results);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_RUN_H_
