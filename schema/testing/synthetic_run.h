// Run directories made from seeds, for tests and benchmarks: no model, real files.
#ifndef SCHEMA_TESTING_SYNTHETIC_RUN_H_
#define SCHEMA_TESTING_SYNTHETIC_RUN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"
#include "schema/shard.h"
#include "schema/testing/synthetic_experiment.h"

namespace forensics::schema {

// What to make up. Equal seeds give equal bits; everything else leaves the other values alone.
struct SyntheticRun {
  std::string hardware = "A100-80GB";
  ExperimentSpec experiment = SyntheticExperiment("reference");
  int variant = 0;  // index in experiment.variants; the reference has none

  std::vector<int> layers = {1, 3};
  int num_hidden_layers = 4;
  int hidden_size = 8;
  int key_size = 4;
  int key_heads = 2;
  int top_k = 3;
  int window = 3;
  int prompt_tokens = 5;
  int decode_steps = 4;
  int repetitions = 3;
  DType dtype = FLOAT32;
  std::string model_name = "Synthetic-AWQ";  // its digest follows from it

  uint64_t seed = 1;        // signals and tokens
  uint64_t noise_seed = 0;  // what `noise` is multiplied with, element by element
  double noise = 0;         // standard deviation of what is added to every element
  int diverges_at = -1;     // from this step on, this run's own choices are others

  // Forced decoding: the tokens of this run are fed, and its manifest recorded. Null: free.
  const RunManifest* reference = nullptr;
  // False: the last repetition differs in one bit, and all repetitions are stored.
  bool reproducible = true;

  // Last changes to a repetition and to what a rank stores of it (before their digests are taken),
  // and to the manifest.
  std::function<void(Repetition&)> edit_repetition;
  std::function<void(Repetition&)> edit_shard;
  std::function<void(RunManifest&)> edit_manifest;
};

// One repetition of the run, its ranks joined.
Repetition MakeRepetition(const SyntheticRun& run, int repetition);

// Writes RESULTS/<hardware>/<config_id>: the shards that the ranks of a runner would keep, and the
// manifest.
absl::StatusOr<RunDirectory> WriteSyntheticRun(const SyntheticRun& run, const std::string& results);

}  // namespace forensics::schema

#endif  // SCHEMA_TESTING_SYNTHETIC_RUN_H_
