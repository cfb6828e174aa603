// A repetition's signals: as one value in memory, as a shard on disk, and their digest.
#ifndef SCHEMA_SHARD_H_
#define SCHEMA_SHARD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schema/run.pb.h"

namespace forensics::schema {

// Everything that one repetition of one rank captured: a few MB at the real model's size.
struct Repetition {
  ShardHeader header;
  std::vector<StepRecord> steps;          // by step
  std::vector<PositionRecord> positions;  // by position
  ShardFooter footer;
};

// Writes it as `path`, whole or not at all. InvalidArgument if it is larger than ReadShard takes.
absl::Status WriteShard(const std::string& path, const Repetition& repetition);

// Reads and checks: framing (see record_file.h), order of the records, the digest of every signal
// and that of all together. A shard that would take more than 256 MiB in memory is an error before
// it does.
absl::StatusOr<Repetition> ReadShard(const std::string& path);

// SHA-256 (hex) over the tokens and the digests of all signals, in the order of step, position and
// layer: equal digests mean equal bits. Times and names take no part.
std::string SignalsDigest(const Repetition& repetition);

// `data` with its digest.
Values MakeValues(DType dtype, std::string data);

size_t BytesPerElement(DType dtype);  // 0 if unspecified

// The elements, widened to float32 exactly.
absl::StatusOr<std::vector<float>> ToFloats(const Values& values);

}  // namespace forensics::schema

#endif  // SCHEMA_SHARD_H_
