// The repetitions in a run directory: the shards of all ranks, checked and joined.
#ifndef SCHEMA_STORED_REPETITION_H_
#define SCHEMA_STORED_REPETITION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"
#include "schema/shard.h"

namespace forensics::schema {

// The signals of a finished run's repetition `number`, a number of the manifest's: ReadRepetition,
// whose digest and number of steps are then checked against the manifest.
absl::StatusOr<Repetition> ReadStoredRepetition(const RunDirectory& directory,
                                                const RunManifest& manifest, int number);

// The same of a run that may be unfinished. `expected` gives config_id, work_digest, repetition and
// world_size, which each shard's header is checked against, as its rank is. NotFound names a rank's
// missing shard, FailedPrecondition a surplus one, DataLoss what is damaged, another run's (field,
// found and expected) or contradicts another rank (see JoinRanks); all name file and rank.
absl::StatusOr<Repetition> ReadRepetition(const RunDirectory& directory,
                                          const ShardHeader& expected);

// OK if `found` is `expected`, else DataLoss: "<path>: <field> is <found>, expected <expected>".
absl::Status CheckEqual(const std::string& path, const std::string& field, const std::string& found,
                        const std::string& expected);
absl::Status CheckEqual(const std::string& path, const std::string& field, int64_t found,
                        int64_t expected);

}  // namespace forensics::schema

#endif  // SCHEMA_STORED_REPETITION_H_
