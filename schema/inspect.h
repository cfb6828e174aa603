// Shows anything that the tools keep on disk.
#ifndef SCHEMA_INSPECT_H_
#define SCHEMA_INSPECT_H_

#include <string>

#include "absl/status/statusor.h"
#include "schema/inspection.h"

namespace forensics::schema {

// A shard, a manifest, a run directory, a folder of results or of experiment files, an experiment
// JSON; told apart by what is there, not by name. InvalidArgument for anything else, and the
// reader's own error for something damaged.
absl::StatusOr<Inspection> Inspect(const std::string& path);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_H_
