// The run whose tokens others are fed.
#ifndef RUNNER_REFERENCE_RUN_H_
#define RUNNER_REFERENCE_RUN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::runner {

struct ReferenceRun {
  schema::RunManifest manifest;
  schema::Repetition repetition;  // the stored one
};

// Reads the finished run directory `path`. NotFound, with the command that makes one, if there is
// none; FailedPrecondition if it was not reproducible.
absl::StatusOr<ReferenceRun> ReadReferenceRun(const std::string& path);

// Whether `reference` can feed a run: the same prompt token for token, the same vocabulary, at
// least as many steps. FailedPrecondition naming what differs.
absl::Status CheckReference(const ReferenceRun& reference, const schema::PromptInfo& prompt,
                            int64_t vocab_size, int decode_steps);

// Whether `reference` ran a checkpoint in this format; FailedPrecondition naming both.
absl::Status CheckReferenceFormat(const ReferenceRun& reference, const std::string& quant_method);

}  // namespace forensics::runner

#endif  // RUNNER_REFERENCE_RUN_H_
