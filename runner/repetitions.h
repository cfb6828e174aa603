// The repetitions of one configuration, with their progress display.
#ifndef RUNNER_REPETITIONS_H_
#define RUNNER_REPETITIONS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/engine/generation.h"
#include "runner/engine/progress.h"
#include "runner/engine/runnable_model.h"
#include "runner/inputs.h"
#include "runner/runner_options.h"
#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::runner {

class Repetitions {
 public:
  // `identity` is the configuration's manifest. All must outlive this.
  Repetitions(const schema::RunManifest& identity, const RunnerOptions& options,
              const Inputs& inputs, RunnableModel& model, Progress& progress)
      : identity_(identity),
        options_(options),
        inputs_(inputs),
        model_(model),
        progress_(progress) {}

  // One repetition from a fresh state: a RunRepetition. The first one loads the weights.
  absl::StatusOr<schema::Repetition> Run(int repetition);

 private:
  absl::Status CheckMemory() const;
  absl::Status LoadWeights();
  absl::Status WarmUp();
  GenerationInput NewInput() const;
  int64_t PromptTokens() const;  // of all sequences
  absl::Status BeforeStep(int repetition, int step);
  void AfterLayer(int layer);

  const schema::RunManifest& identity_;
  const RunnerOptions& options_;
  const Inputs& inputs_;
  RunnableModel& model_;
  Progress& progress_;
  int step_ = 0;
  double seconds_ = 0;  // that the last repetition took; 0: unknown
};

}  // namespace forensics::runner

#endif  // RUNNER_REPETITIONS_H_
