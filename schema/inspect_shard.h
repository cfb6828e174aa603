// A shard, or the joined shards of all ranks, for human eyes.
#ifndef SCHEMA_INSPECT_SHARD_H_
#define SCHEMA_INSPECT_SHARD_H_

#include <string>

#include "absl/status/statusor.h"
#include "schema/run_directory.h"

namespace forensics::schema {

// Header with the rank's part, steps with their tokens, for each position the layers' signals
// (dtype, count, start of the digest, first values, smallest, largest, L2 norm), kernels, load.
// ReadShard's error if it is damaged.
absl::StatusOr<std::string> InspectShard(const std::string& path);

// The same of a repetition whose ranks are joined; ReadRepetition's error if that fails.
absl::StatusOr<std::string> InspectAllRanks(const RunDirectory& run, const AllRanksName& name);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_SHARD_H_
