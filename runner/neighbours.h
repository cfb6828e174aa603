// The other sequences of a batch.
#ifndef RUNNER_NEIGHBOURS_H_
#define RUNNER_NEIGHBOURS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/runner_options.h"
#include "runner/tokenizer/tokenizer.h"
#include "schema/experiment.pb.h"
#include "schema/run.pb.h"

namespace forensics::runner {

struct Neighbour {
  schema::NeighbourInfo info;
  std::vector<int64_t> token_ids;
};

// Sequences 1 to batch_size - 1: options.neighbours in their order, each cut so that its whole
// prompt has exactly as many tokens as `prompt`; nothing is padded. Errors: a usage error if there
// are too few documents; OutOfRange, naming the document and both counts, if one is too short;
// InvalidArgument if two sequences are the same, or if `prompt` has no room for a document in the
// chat template.
absl::StatusOr<std::vector<Neighbour>> PrepareNeighbours(const schema::PromptSpec& spec,
                                                         const RunnerOptions& options,
                                                         const Tokenizer& tokenizer,
                                                         const schema::PromptInfo& prompt,
                                                         int batch_size);

}  // namespace forensics::runner

#endif  // RUNNER_NEIGHBOURS_H_
