// Which checkpoint a configuration loads: the reference's or, where its quant_method is another,
// one of the same model in that format.
#ifndef RUNNER_MODEL_SOURCE_H_
#define RUNNER_MODEL_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/runner_options.h"
#include "schema/experiment.pb.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// Opens checkpoints when they are first needed and holds one at a time.
class ModelSource {
 public:
  // Both must outlive this.
  ModelSource(const schema::ExperimentSpec& spec, const RunnerOptions& options)
      : spec_(spec), options_(options) {}

  // The checkpoint of a configuration with this quant_method, good until the next call:
  // options.model for that of spec.reference_config, else one of options.quantized_models.
  // Unavailable, with the flag to give, where the user named none. InvalidArgument for a checkpoint
  // of another format; only options.model may be of any, unless formats are what is compared.
  absl::StatusOr<const Checkpoint*> Open(const std::string& quant_method);

 private:
  absl::StatusOr<std::string> DirectoryOf(const std::string& quant_method) const;
  absl::Status CheckFormat(const std::string& quant_method) const;

  const schema::ExperimentSpec& spec_;
  const RunnerOptions& options_;
  std::unique_ptr<Checkpoint> open_;
};

// Whether the model in `directory` reads the prompt as the reference does: its tokenizer gives the
// same ids, and its vocabulary has them. InvalidArgument naming both models and the first
// difference.
absl::Status CheckReadsPrompt(const std::string& directory, int64_t vocab_size,
                              const schema::PromptInfo& prompt, const RunnerOptions& options);

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_SOURCE_H_
