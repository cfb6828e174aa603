// What all configurations of an experiment share, whatever each of them loads.
#ifndef RUNNER_INPUTS_H_
#define RUNNER_INPUTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/capture/bit_flip.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/experiment_spec.h"
#include "runner/neighbours.h"
#include "runner/reference_run.h"
#include "runner/runner_options.h"
#include "runner/tokenizer/tokenizer.h"
#include "schema/experiment.pb.h"
#include "schema/run.pb.h"

namespace forensics::runner {

struct Inputs {
  std::unique_ptr<Tokenizer> tokenizer;  // the reference's
  schema::PromptInfo prompt;
  std::vector<Neighbour> neighbours;  // as many as the largest batch needs
  std::string hardware;
  std::optional<ReferenceRun> reference;  // whose tokens are fed
  std::optional<BitFlip> flip;
};

// `model` is the reference's checkpoint, in options.model; `wanted` are the configurations that
// will be run. Errors name file, flag or run directory.
absl::StatusOr<Inputs> PrepareInputs(const schema::ExperimentSpec& spec,
                                     const std::vector<Configuration>& wanted,
                                     const RunnerOptions& options, const Checkpoint& model);

}  // namespace forensics::runner

#endif  // RUNNER_INPUTS_H_
