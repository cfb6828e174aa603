// A finished run's stored repetitions, checked against its manifest.
#ifndef SCHEMA_STORED_REPETITION_H_
#define SCHEMA_STORED_REPETITION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"
#include "schema/shard.h"

namespace forensics::schema {

// The signals of repetition `number`, a number of the manifest's: of a run of many ranks they are
// in rank 0's shard. NotFound without a shard; DataLoss if it is damaged or another run's, with
// field, expected and found.
absl::StatusOr<Repetition> ReadStoredRepetition(const RunDirectory& directory,
                                                const RunManifest& manifest, int number);

// OK if `found` is `expected`, else DataLoss: "<path>: <field> is <found>, expected <expected>".
absl::Status CheckEqual(const std::string& path, const std::string& field, const std::string& found,
                        const std::string& expected);
absl::Status CheckEqual(const std::string& path, const std::string& field, int64_t found,
                        int64_t expected);

}  // namespace forensics::schema

#endif  // SCHEMA_STORED_REPETITION_H_
