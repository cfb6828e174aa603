// Writes a results folder of made-up runs: the reference and the experiments on two GPUs.
//   bazel run //schema/testing:make_results -- /tmp/results --hidden_size=2048 --key_size=512
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "schema/command_line.h"
#include "schema/testing/synthetic_run.h"

ABSL_FLAG(std::vector<std::string>, hardware, std::vector<std::string>({"A100-80GB", "H100"}),
          "labels");
ABSL_FLAG(std::vector<std::string>, experiment, forensics::schema::SyntheticExperimentNames(),
          "experiments beside the reference");
ABSL_FLAG(int, hidden_size, 8, "elements of a hidden state");
ABSL_FLAG(int, key_size, 4, "elements of a key");
ABSL_FLAG(int, layers, 2, "number of layers captured");
ABSL_FLAG(int, decode_steps, 4, "number of steps");
ABSL_FLAG(bool, bfloat16, false, "bfloat16 signals, else float32");

namespace forensics::schema {
namespace {

SyntheticRun FromFlags(const std::string& hardware) {
  SyntheticRun run;
  run.hardware = hardware;
  run.hidden_size = absl::GetFlag(FLAGS_hidden_size);
  run.key_size = absl::GetFlag(FLAGS_key_size);
  run.layers.clear();
  for (int i = 0; i < absl::GetFlag(FLAGS_layers); ++i) run.layers.push_back(i + 1);
  run.num_hidden_layers = absl::GetFlag(FLAGS_layers) + 1;
  run.decode_steps = absl::GetFlag(FLAGS_decode_steps);
  run.dtype = absl::GetFlag(FLAGS_bfloat16) ? BFLOAT16 : FLOAT32;
  return run;
}

absl::Status WriteHardware(const std::string& results, const std::string& hardware, uint64_t id) {
  SyntheticRun run = FromFlags(hardware);
  // Another machine is some way off the first, and a variant a little from its reference.
  run.noise_seed = id;
  run.noise = id == 0 ? 0 : 1e-2;
  absl::StatusOr<RunDirectory> directory = WriteSyntheticRun(run, results);
  if (!directory.ok()) return directory.status();
  const absl::StatusOr<RunManifest> reference = directory->ReadManifest();
  if (!reference.ok()) return reference.status();
  run.reference = &*reference;
  for (const std::string& name : absl::GetFlag(FLAGS_experiment)) {
    run.experiment = SyntheticExperiment(name);
    for (run.variant = 0; run.variant < run.experiment.variants_size(); ++run.variant) {
      run.noise_seed = id + 100 * static_cast<uint64_t>(run.variant + 1);
      run.noise = 3e-2;
      run.model_name = name == "quantization" ? "Synthetic-other" : "Synthetic-AWQ";
      absl::Status status = WriteSyntheticRun(run, results).status();
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status MakeResults(const std::vector<std::string>& positional) {
  if (positional.size() != 1) return UsageError("expected one folder");
  uint64_t id = 0;
  for (const std::string& hardware : absl::GetFlag(FLAGS_hardware)) {
    absl::Status status = WriteHardware(UserPath(positional.front()), hardware, id++);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace forensics::schema

int main(int argc, char** argv) {
  using namespace forensics::schema;  // NOLINT
  return ReportAndExitCode("make_results",
                           MakeResults(ParseCommandLineOrExit(
                               "Writes made-up runs: make_results FOLDER [flags]\n", argc, argv)));
}
