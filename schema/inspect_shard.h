// A shard for human eyes.
#ifndef SCHEMA_INSPECT_SHARD_H_
#define SCHEMA_INSPECT_SHARD_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::schema {

// Header, steps with their tokens, and for each position the layers' signals: dtype, count, start
// of the digest, first values, smallest, largest, L2 norm. ReadShard's error if it is damaged.
absl::StatusOr<std::string> InspectShard(const std::string& path);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_SHARD_H_
