// The outline of an experiment JSON for human eyes.
#ifndef SCHEMA_INSPECT_EXPERIMENT_H_
#define SCHEMA_INSPECT_EXPERIMENT_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::schema {

// Metadata, a table of configurations, and for each run its steps, layers and lengths of vectors.
// Reads the file as a stream, so its size does not matter. DataLoss names file, byte, place and
// cause if it is damaged or breaks the schema.
absl::StatusOr<std::string> InspectExperiment(const std::string& path);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_EXPERIMENT_H_
