// The prompt that the user asked for: cut from a document, or given as token ids.
#ifndef RUNNER_PROMPT_SOURCE_H_
#define RUNNER_PROMPT_SOURCE_H_

#include "absl/status/statusor.h"
#include "runner/runner_options.h"
#include "runner/tokenizer/tokenizer.h"
#include "schema/experiment.pb.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// With options.prompt_tokens the ids in that file; else spec.document_tokens tokens of
// options.document in the checkpoint's chat template, with spec.request. Errors name the file.
absl::StatusOr<schema::PromptInfo> PreparePrompt(const schema::PromptSpec& spec,
                                                 const RunnerOptions& options,
                                                 const Tokenizer& tokenizer, int64_t vocab_size);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_SOURCE_H_
